#include "engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "fisher/terms.h"
#include "storage/writer.h"

namespace dfmerge {

namespace {

constexpr int64_t kItem = 16 * kChunk;  // elements of one parallel item

}  // namespace

Engine::Engine(const ModelConfig& config, const DeviceOptions& options)
    : device_(options),
      stream_(device_),
      context_(stream_.cpu()),
      model_(make_model(config)),
      table_(model_->parameters()),
      weights_(make_weights(stream_, {table_, model_->matrices()})),
      arena_(device_.memory()),
      parameters_(device_.memory(), table_.total()),
      fisher_(device_.memory(), table_.total()),
      numerator_(device_.memory(), table_.total()),
      denominator_(device_.memory(), table_.total()) {}

int64_t Engine::bytes() const {
  return parameters_.bytes() + fisher_.bytes() + numerator_.bytes() + denominator_.bytes() + arena_.bytes() +
         stream_.bytes() + weights_->bytes();
}

void Engine::start() {
  stream_.check_stop();
  arena_.reset();
  stream_.reset();
}

void Engine::invalidate() {
  loaded_ = false;  // until all of it is there
  weights_->invalidate();
}

// No cache that is common today holds such a vector until it is read again.
bool Engine::streaming() const { return parameters_.bytes() > (int64_t{64} << 20); }

void Engine::check_model(int model) const {
  if (model < 0 || model >= static_cast<int>(models_.size())) fail("INVALID_ARGUMENT", "there is no model %d", model);
}

void Engine::require_parameters() const {
  if (!loaded_) fail("INVALID_ARGUMENT", "the engine holds no parameters yet: load, interpolate or merge first");
}

// body(chunk) for every chunk of every parameter.
template <class Body>
void Engine::for_chunks(const Body& body) {
  struct Item {
    int param;
    int64_t first, last;
  };
  std::vector<Item> items;
  for (int p = 0; p < table_.count(); ++p)
    for (int64_t first = 0; first < table_[p].size; first += kItem)
      items.push_back({p, first, std::min(table_[p].size, first + kItem)});
  context_.pool.run(static_cast<int64_t>(items.size()), [&](int64_t index, int) {
    context_.check_stop();
    alignas(64) float a[kChunk], b[kChunk];
    const Item& item = items[index];
    for (int64_t first = item.first; first < item.last; first += kChunk)
      body(Chunk{item.param, table_[item.param].offset + first, first, std::min(kChunk, item.last - first), a, b});
  });
}

int Engine::add_model(const std::vector<TensorSource>& sources) {
  models_.push_back(std::make_unique<Checkpoint>(table_, sources));
  return static_cast<int>(models_.size()) - 1;
}

void Engine::load(int model) {
  check_model(model);
  start();
  invalidate();
  for_chunks([&](const Chunk& chunk) {
    const float* values = models_[model]->read(context_.kernels, chunk.param, chunk.first, chunk.count, chunk.a);
    if (!context_.kernels.copy(parameters_.data() + chunk.at, values, chunk.count, streaming()))
      fail("NUMERIC", "%s holds a value that is not finite", table_[chunk.param].name.c_str());
  });
  loaded_ = true;
}

void Engine::interpolate(int model, double coefficient) {
  check_model(model);
  start();
  invalidate();
  for_chunks([&](const Chunk& chunk) {
    const float* base = models_[0]->read(context_.kernels, chunk.param, chunk.first, chunk.count, chunk.a);
    const float* other = models_[model]->read(context_.kernels, chunk.param, chunk.first, chunk.count, chunk.b);
    if (!context_.kernels.interpolate(parameters_.data() + chunk.at, base, other, static_cast<float>(coefficient),
                                      chunk.count, streaming()))
      fail("NUMERIC", "%s holds a value that is not finite", table_[chunk.param].name.c_str());
  });
  loaded_ = true;
}

void Engine::initialize(uint64_t seed) {
  start();
  invalidate();
  model_->initialize(stream_, seed, parameters_.data());
  loaded_ = true;
}

void Engine::begin_fisher() {
  start();
  for_chunks(
      [&](const Chunk& chunk) { std::memset(fisher_.data() + chunk.at, 0, static_cast<size_t>(chunk.count) * 4); });
}

std::unique_ptr<Pass> Engine::forward(const Batch& batch, bool keep) {
  require_parameters();
  check(batch, model_->vocabulary());
  start();
  weights_->prepare(parameters_.data(), keep);
  return model_->forward(batch, {stream_, parameters_.data(), *weights_, arena_, keep});
}

std::vector<double> Engine::add_fisher(const Batch& batch, FisherMode mode, const std::vector<double>& draws,
                                       const std::vector<int32_t>& drawn, double min_weight) {
  const std::unique_ptr<Pass> pass = forward(batch, true);
  const std::vector<double> nll = pass->score();
  for (double value : nll)
    if (!std::isfinite(value)) fail("NUMERIC", "the NLL of a choice is not finite at these parameters");
  const std::vector<double> probabilities = choice_probabilities(batch, mode, nll);
  pass->backward(fisher_terms(batch, mode, probabilities, draws, drawn, min_weight), Accumulate::kSquares,
                 fisher_.data());
  return probabilities;
}

void Engine::finish_fisher(int64_t inputs, double epsilon, std::optional<Fold> fold) {
  if (inputs < 1) fail("INVALID_ARGUMENT", "a Fisher needs at least one input");
  if (fold) check_model(fold->model);
  start();
  for_chunks([&](const Chunk& chunk) {
    context_.kernels.divide_add(fisher_.data() + chunk.at, static_cast<float>(inputs), static_cast<float>(epsilon),
                                chunk.count);
    if (!context_.kernels.all_finite(fisher_.data() + chunk.at, chunk.count))
      fail("NUMERIC", "the Fisher of %s is not finite", table_[chunk.param].name.c_str());
    if (fold) fold_chunk(*fold, true, chunk);
  });
}

void Engine::load_fisher(const std::vector<TensorSource>& sources) {
  const Checkpoint file(table_, sources);
  start();
  for_chunks([&](const Chunk& chunk) {
    const float* values = file.read(context_.kernels, chunk.param, chunk.first, chunk.count, chunk.a);
    for (int64_t i = 0; i < chunk.count; ++i)
      if (!(values[i] >= 0.0f) || !std::isfinite(values[i]))
        fail("NUMERIC", "the Fisher of %s holds %g at element %lld: expected a finite number of at least 0",
             table_[chunk.param].name.c_str(), values[i], static_cast<long long>(chunk.first + i));
    std::memcpy(fisher_.data() + chunk.at, values, static_cast<size_t>(chunk.count) * 4);
  });
}

void Engine::begin_merge() {
  start();
  for_chunks([&](const Chunk& chunk) {
    std::memset(numerator_.data() + chunk.at, 0, static_cast<size_t>(chunk.count) * 4);
    std::memset(denominator_.data() + chunk.at, 0, static_cast<size_t>(chunk.count) * 4);
  });
}

void Engine::fold_chunk(const Fold& fold, bool with_fisher, const Chunk& chunk) {
  const float* base = models_[0]->read(context_.kernels, chunk.param, chunk.first, chunk.count, chunk.a);
  const float* other = models_[fold.model]->read(context_.kernels, chunk.param, chunk.first, chunk.count, chunk.b);
  context_.kernels.fold(numerator_.data() + chunk.at, denominator_.data() + chunk.at,
                        with_fisher ? fisher_.data() + chunk.at : nullptr, base, other,
                        static_cast<float>(fold.coefficient), chunk.count);
}

void Engine::fold(const Fold& fold, bool with_fisher) {
  check_model(fold.model);
  start();
  for_chunks([&](const Chunk& chunk) { fold_chunk(fold, with_fisher, chunk); });
}

void Engine::finish_merge(int models) {
  if (models < 1) fail("INVALID_ARGUMENT", "a merge needs at least one model");
  check_model(0);
  start();
  invalidate();
  for_chunks([&](const Chunk& chunk) {
    const float* base = models_[0]->read(context_.kernels, chunk.param, chunk.first, chunk.count, chunk.a);
    if (!context_.kernels.finish(parameters_.data() + chunk.at, numerator_.data() + chunk.at,
                                 denominator_.data() + chunk.at, base, static_cast<float>(models), chunk.count,
                                 streaming()))
      fail("NUMERIC", "merging %s gives a value that is not finite", table_[chunk.param].name.c_str());
  });
  loaded_ = true;
}

std::vector<double> Engine::score(const Batch& batch) { return forward(batch, false)->score(); }

std::vector<float> Engine::encode(const Batch& batch) { return forward(batch, false)->output("encode"); }

std::vector<float> Engine::logits(const Batch& batch) { return forward(batch, false)->output("logits"); }

void Engine::begin_training() {
  require_parameters();
  begin_merge();
  begin_fisher();
}

std::vector<double> Engine::add_gradient(const Batch& batch, double scale) {
  const std::unique_ptr<Pass> pass = forward(batch, true);
  const std::vector<double> nll = pass->score();
  std::vector<GradientTerm> terms;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int32_t first = batch.choice_offsets[i], count = batch.choice_offsets[i + 1] - first;
    if (count == 0) fail("INVALID_ARGUMENT", "input %lld has no label", static_cast<long long>(i));
    terms.push_back({i, first, std::vector<float>(static_cast<size_t>(count), static_cast<float>(-scale)), 1.0f});
  }
  pass->backward(terms, Accumulate::kSum, fisher_.data());
  return nll;
}

void Engine::adamw(const AdamW& o) {
  if (o.step < 1) fail("INVALID_ARGUMENT", "step is %d: steps count from 1", o.step);
  for (double beta : {o.beta1, o.beta2})
    if (!(beta >= 0 && beta < 1)) fail("INVALID_ARGUMENT", "a beta is %g: expected a number in [0, 1)", beta);
  if (!(o.epsilon >= 0)) fail("INVALID_ARGUMENT", "epsilon is %g: expected at least 0", o.epsilon);
  require_parameters();
  start();
  invalidate();
  const double step_size = o.learning_rate / (1 - std::pow(o.beta1, o.step)),
               root_correction = std::sqrt(1 - std::pow(o.beta2, o.step));
  for_chunks([&](const Chunk& chunk) {
    float* gradient = fisher_.data() + chunk.at;
    if (!context_.kernels.all_finite(gradient, chunk.count))
      fail("NUMERIC", "the gradient of %s is not finite", table_[chunk.param].name.c_str());
    context_.kernels.adamw(parameters_.data() + chunk.at, numerator_.data() + chunk.at, denominator_.data() + chunk.at,
                           gradient, static_cast<float>(1 - o.learning_rate * o.weight_decay),
                           static_cast<float>(1 - o.beta1), static_cast<float>(o.beta2),
                           static_cast<float>(1 - o.beta2), static_cast<float>(step_size),
                           static_cast<float>(root_correction), static_cast<float>(o.epsilon), chunk.count);
    std::memset(gradient, 0, static_cast<size_t>(chunk.count) * 4);
  });
  loaded_ = true;
}

void Engine::write(ParameterVector vector, const std::vector<TensorSource>& targets) {
  if (vector == ParameterVector::kParameters) require_parameters();
  start();
  write_tensors(context_, table_, vector == ParameterVector::kParameters ? parameters_.data() : fisher_.data(),
                targets);
}

const float* Engine::parameter(ParameterVector vector, const std::string& name, int64_t* size) {
  const int index = table_.find(name);
  if (index < 0) fail("INVALID_ARGUMENT", "the model has no parameter %s", name.c_str());
  *size = table_[index].size;
  return (vector == ParameterVector::kParameters ? parameters_ : fisher_).data() + table_[index].offset;
}

}  // namespace dfmerge
