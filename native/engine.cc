#include "engine.h"

#include <cmath>

#include "fisher/finish.h"
#include "fisher/load.h"
#include "merge/copy.h"
#include "merge/finish.h"
#include "merge/fold.h"
#include "merge/interpolate.h"
#include "ops/elementwise.h"
#include "storage/tensor_writer.h"
#include "training/terms.h"

namespace dfmerge {

namespace {

std::vector<WalkedTensor> tensors_of(const ParamTable& table) {
  std::vector<WalkedTensor> tensors;
  for (const Param& param : table.all()) tensors.push_back({param.name, param.size});
  return tensors;
}

FoldKernel kernel_of(const Fold& fold, bool with_fisher) { return {static_cast<float>(fold.coefficient), with_fisher}; }

}  // namespace

Engine::Engine(const ModelConfig& config, const DeviceOptions& options)
    : device_(options),
      stream_(device_),
      model_(make_model(config)),
      table_(model_->parameters()),
      weights_(make_weights(stream_, {table_, model_->matrices()})),
      arena_(device_.memory()),
      tensors_(tensors_of(table_)),
      parameters_(device_.memory(), table_),
      fisher_(device_.memory(), table_),
      numerator_(device_.memory(), table_),
      denominator_(device_.memory(), table_) {}

int64_t Engine::bytes() const {
  return parameters_.bytes() + fisher_.bytes() + numerator_.bytes() + denominator_.bytes() + arena_.bytes() +
         stream_.bytes() + weights_->bytes();
}

void Engine::start() {
  stream_.check_stop();
  arena_.reset();
  stream_.reset();
}

void Engine::require_parameters() const {
  if (theta_ == Theta::kNothing)
    fail("INVALID_STATE", "the engine holds no parameters: load, interpolate or merge first");
}

void Engine::require_training() const {
  require_parameters();
  if (fisher_state_ != Fisher::kGradient || merge_state_ != Merge::kMoments)
    fail("INVALID_STATE", "no training is going on: begin one first");
}

void Engine::require_merge() const {
  if (merge_state_ != Merge::kSums) fail("INVALID_STATE", "no merge is going on: begin one first");
}

void Engine::end_training() {
  if (fisher_state_ == Fisher::kGradient) fisher_state_ = Fisher::kNothing;
  if (merge_state_ == Merge::kMoments) merge_state_ = Merge::kNothing;
}

const Block& Engine::block(ParameterVector vector) const {
  return vector == ParameterVector::kParameters ? parameters_ : fisher_;
}

void Engine::zero(const Block& block) { fill(stream_, {block.data(), table_.total()}); }

// Runs a kernel that writes theta. A sum of squared gradients at another theta, and a training of it, end with that.
void Engine::replace_parameters(const Kernel& kernel, const Operands& operands) {
  end_training();
  if (fisher_state_ == Fisher::kSum) fisher_state_ = Fisher::kNothing;
  theta_ = Theta::kNothing;
  weights_->invalidate();
  run(kernel, operands);
  theta_ = Theta::kParameters;
}

// ---- Models

int Engine::add_model(const std::vector<TensorPlace>& places) {
  models_.push_back(std::make_unique<FileSource>(stream_, ranges_of(table_, places)));
  return static_cast<int>(models_.size()) - 1;
}

const Source* Engine::source(int model) const {
  if (model < 0 || model >= static_cast<int>(models_.size())) fail("INVALID_ARGUMENT", "there is no model %d", model);
  return models_[model].get();
}

std::vector<const Source*> Engine::base_and(int model) const {
  const Source* other = source(model);
  return {source(0), other};
}

void Engine::load(int model) {
  const Operands operands{{source(model)}, {&parameters_}};
  start();
  replace_parameters(CopyKernel(), operands);
}

void Engine::interpolate(int model, double coefficient) {
  const Operands operands{base_and(model), {&parameters_}};
  start();
  replace_parameters(InterpolateKernel(static_cast<float>(coefficient)), operands);
}

void Engine::initialize(uint64_t seed) {
  start();
  end_training();
  if (fisher_state_ == Fisher::kSum) fisher_state_ = Fisher::kNothing;
  theta_ = Theta::kNothing;
  weights_->invalidate();
  model_->initialize(stream_, seed, parameters_.data());
  theta_ = Theta::kParameters;
}

// ---- Passes over a batch

std::unique_ptr<Pass> Engine::forward(const Batch& batch, bool keep) {
  require_parameters();
  check(batch, model_->vocabulary());
  start();
  weights_->prepare(parameters_.data(), keep);
  return model_->forward(batch, {stream_, parameters_.data(), *weights_, arena_, keep});
}

std::vector<double> Engine::score(const Batch& batch) { return forward(batch, false)->score(); }

std::vector<float> Engine::encode(const Batch& batch) { return forward(batch, false)->output("encode"); }

std::vector<float> Engine::logits(const Batch& batch) { return forward(batch, false)->output("logits"); }

Generated Engine::generate(const Batch& batch, const GenerationRequest& request) {
  require_parameters();
  check(batch, model_->vocabulary());
  check(request, model_->vocabulary());
  start();
  weights_->prepare(parameters_.data(), false);
  const std::unique_ptr<Decoding> decoding = model_->decode({batch, request.max_new_tokens, request.start_token},
                                                            {stream_, parameters_.data(), *weights_, arena_, false});
  return dfmerge::generate(stream_, {request, *decoding, batch.inputs(), model_->vocabulary()});
}

// ---- The Fisher

void Engine::begin_fisher() {
  start();
  end_training();
  fisher_state_ = Fisher::kNothing;
  zero(fisher_);
  inputs_ = 0;
  fisher_state_ = Fisher::kSum;
}

std::vector<double> Engine::add_fisher(const Batch& batch, const FisherRequest& request) {
  require_parameters();
  if (fisher_state_ != Fisher::kSum) fail("INVALID_STATE", "no Fisher is being measured: begin one first");
  const std::unique_ptr<Pass> pass = forward(batch, true);
  const std::vector<double> nll = pass->score();
  for (double value : nll)
    if (!std::isfinite(value)) fail("NUMERIC", "the NLL of a choice is not finite at these parameters");
  std::vector<double> probabilities = choice_probabilities(batch, request.mode, nll);
  const auto terms = fisher_terms(batch, request, probabilities);
  fisher_state_ = Fisher::kNothing;
  pass->backward(terms, Accumulate::kSquares, fisher_.data());
  inputs_ += batch.inputs();
  fisher_state_ = Fisher::kSum;
  return probabilities;
}

void Engine::finish_fisher(const FinishFisher& finish) {
  if (fisher_state_ != Fisher::kSum) fail("INVALID_STATE", "no Fisher is being measured: begin one first");
  if (inputs_ < 1) fail("INVALID_STATE", "a Fisher needs at least one input: add a batch first");
  const auto inputs = static_cast<float>(inputs_), epsilon = static_cast<float>(finish.epsilon);
  if (!finish.fold) {
    start();
    fisher_state_ = Fisher::kNothing;
    run(FinishFisherKernel(inputs, epsilon, {}), {{}, {&fisher_}});
    fisher_state_ = Fisher::kFisher;
    return;
  }
  require_merge();
  const Operands operands{base_and(finish.fold->model), {&fisher_, &numerator_, &denominator_}};
  start();
  fisher_state_ = Fisher::kNothing;
  merge_state_ = Merge::kNothing;
  run(FinishFisherKernel(inputs, epsilon, kernel_of(*finish.fold, true)), operands);
  ++folded_;
  fisher_state_ = Fisher::kFisher;
  merge_state_ = Merge::kSums;
}

void Engine::load_fisher(const std::vector<TensorPlace>& places) {
  const FileSource file(stream_, ranges_of(table_, places));
  start();
  end_training();
  fisher_state_ = Fisher::kNothing;
  run(LoadFisherKernel(), {{&file}, {&fisher_}});
  fisher_state_ = Fisher::kFisher;
}

// ---- The merge

void Engine::begin_merge() {
  start();
  end_training();
  merge_state_ = Merge::kNothing;
  for (const Block* block : {&numerator_, &denominator_}) zero(*block);
  folded_ = 0;
  merge_state_ = Merge::kSums;
}

void Engine::fold(const Fold& fold, bool with_fisher) {
  require_merge();
  if (with_fisher && fisher_state_ != Fisher::kFisher)
    fail("INVALID_STATE", "there is no Fisher to fold with: measure or load one first");
  Operands operands{base_and(fold.model), {&numerator_, &denominator_}};
  if (with_fisher) operands.sources.push_back(&fisher_);
  start();
  merge_state_ = Merge::kNothing;
  run(kernel_of(fold, with_fisher), operands);
  ++folded_;
  merge_state_ = Merge::kSums;
}

void Engine::finish_merge() {
  require_merge();
  if (folded_ < 1) fail("INVALID_STATE", "a merge needs at least one model: fold one first");
  const Operands operands{{&numerator_, &denominator_, source(0)}, {&parameters_}};
  start();
  merge_state_ = Merge::kNothing;
  replace_parameters(FinishKernel(folded_), operands);
}

// ---- Training

void Engine::begin_training() {
  require_parameters();
  start();
  fisher_state_ = Fisher::kNothing;
  merge_state_ = Merge::kNothing;
  for (const Block* block : {&fisher_, &numerator_, &denominator_}) zero(*block);
  steps_ = 0;
  gradient_ = false;
  fisher_state_ = Fisher::kGradient;
  merge_state_ = Merge::kMoments;
}

std::vector<double> Engine::add_gradient(const Batch& batch, double scale) {
  require_training();
  const std::unique_ptr<Pass> pass = forward(batch, true);
  std::vector<double> nll = pass->score();
  const auto terms = training_terms(batch, scale);
  fisher_state_ = Fisher::kNothing;
  pass->backward(terms, Accumulate::kSum, fisher_.data());
  gradient_ = true;
  fisher_state_ = Fisher::kGradient;
  return nll;
}

void Engine::adamw(const AdamWOptions& options) {
  const AdamWKernel step(options, steps_ + 1);
  require_training();
  if (!gradient_) fail("INVALID_STATE", "there is no gradient to step along: add one first");
  start();
  replace_parameters(step, {{}, {&parameters_, &numerator_, &denominator_, &fisher_}});
  ++steps_;
  gradient_ = false;
  fisher_state_ = Fisher::kGradient;  // replace_parameters() took the training for ended
  merge_state_ = Merge::kMoments;
}

// ---- Results

void Engine::write(ParameterVector vector, const std::vector<TensorPlace>& places) {
  if (vector == ParameterVector::kParameters) require_parameters();
  if (vector == ParameterVector::kFisher && fisher_state_ != Fisher::kFisher)
    fail("INVALID_STATE", "there is no Fisher to write: measure or load one first");
  start();
  for (const TensorPlace& place : places)
    write_tensor(stream_, range_of(table_, place), block(vector).tensor(table_.find(place.name)));
}

const float* Engine::parameter(ParameterVector vector, const std::string& name, int64_t* size) {
  const int index = table_.find(name);
  if (index < 0) fail("INVALID_ARGUMENT", "the model has no parameter %s", name.c_str());
  if (vector == ParameterVector::kParameters) require_parameters();
  if (vector == ParameterVector::kFisher && fisher_state_ == Fisher::kNothing)
    fail("INVALID_STATE", "the engine holds no Fisher and no gradient");
  *size = table_[index].size;
  return block(vector).tensor(index);
}

}  // namespace dfmerge
