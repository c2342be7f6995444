// A session: one model family, and what TypeScript may ask for. It holds four vectors of parameters whatever the number
// of models is:
//
//   parameters   theta: a loaded, interpolated or merged model
//   fisher       the diagonal Fisher that is measured; in training the gradient
//   numerator    of the merge; in training AdamW's first moment
//   denominator  of the merge; in training AdamW's second moment
//
// Models stay in their files. A call is a bounded slice of work: one batch, or one pass over the parameters. What a
// pass computes lies in merge/, fisher/ and training/.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device.h"
#include "fisher/terms.h"
#include "generation/generate.h"
#include "merge/driver.h"
#include "merge/file_source.h"
#include "models/model.h"
#include "places.h"
#include "training/adamw.h"

namespace dfmerge {

enum class ParameterVector { kParameters, kFisher };

// The part lambda_i tau_i of a merge, where model i has the coefficient lambda_i.
struct Fold {
  int model;
  double coefficient;
};

struct FinishFisher {
  double epsilon;  // added to every element
  // Folds the Fisher into the merge in the sweep that finishes it, so that it is read from memory once.
  std::optional<Fold> fold;
};

// Every call throws ABORTED where stop() was called meanwhile, NUMERIC where a result is not finite, INVALID_ARGUMENT
// for arguments that do not fit, and INVALID_STATE where a call that it builds on was not made. A call that fails
// leaves the vectors that it had begun to change without a value: what made them has to be done again.
class Engine {
 public:
  Engine(const ModelConfig& config, const DeviceOptions& options);

  const Model& model() const { return *model_; }
  // The code that multiplies matrices: "builtin", or oneDNN with its version and instructions.
  std::string matmul() const { return stream_.matmul(); }
  // How many threads work: fewer than were asked for where the system refused some.
  int threads() const { return stream_.threads(); }
  int64_t bytes() const;  // held outside V8's heap
  // Ends the call that another thread is in, and those to come before clear_stop().
  void stop() { stream_.stop(); }
  void clear_stop() { stream_.clear_stop(); }
  // How many times the engine has looked whether it is to stop; another thread may ask.
  int64_t polls() const { return stream_.polls(); }

  // Adds a model and returns its number; the first one is the base, theta_0, and has number 0.
  int add_model(const std::vector<TensorPlace>& places);
  void load(int model);                             // theta = theta_i
  void interpolate(int model, double coefficient);  // theta = theta_0 + lambda (theta_i - theta_0)
  void initialize(uint64_t seed);                   // theta = random values, as before pre-training

  // The Fisher at theta (paper eq. 2-3) is begun, takes one batch after another, and is finished. Where theta is
  // replaced in between, the sum is lost.
  void begin_fisher();
  // Adds the squared gradients of a batch; returns p~ of every choice, [choices].
  std::vector<double> add_fisher(const Batch& batch, const FisherRequest& request);
  void finish_fisher(const FinishFisher& finish);  // F = F / N + epsilon, where N inputs were added
  void load_fisher(const std::vector<TensorPlace>& places);

  // The unified merge (paper eq. 7) is begun, takes one model after another, and is finished.
  void begin_merge();
  // numerator += C_i lambda_i tau_i, denominator += C_i, where C_i is the Fisher, or 1 where with_fisher is false.
  void fold(const Fold& fold, bool with_fisher);
  void finish_merge();  // theta = theta_0 + M numerator / denominator, where M models were folded

  // Scores at theta.
  std::vector<double> score(const Batch& batch);                             // the NLL of every choice, [choices]
  std::vector<float> encode(const Batch& batch);                             // [input tokens, d_model]
  std::vector<float> logits(const Batch& batch);                             // [label tokens, vocabulary]
  Generated generate(const Batch& batch, const GenerationRequest& request);  // from the inputs of a batch

  // Training uses the Fisher's memory for the gradient, and the merge's for the moments. It ends where a Fisher or a
  // merge takes the memory back, or theta is replaced.
  void begin_training();  // zeroes the moments and the gradient
  // gradient += scale d(sum of all NLL)/d theta; returns the NLL of every choice, [choices].
  std::vector<double> add_gradient(const Batch& batch, double scale);
  void adamw(const AdamWOptions& options);  // the next step, which zeroes the gradient behind it

  // Writes the parameters that are placed, each in its place's dtype.
  void write(ParameterVector vector, const std::vector<TensorPlace>& places);
  // The values of one parameter, [size], for tests and inspection.
  const float* parameter(ParameterVector vector, const std::string& name, int64_t* size);

 private:
  void start();
  void run(const Kernel& kernel, const Operands& operands) { walk(stream_, {tensors_, kernel, operands}); }
  void zero(const Block& block);
  void replace_parameters(const Kernel& kernel, const Operands& operands);
  const Source* source(int model) const;
  std::vector<const Source*> base_and(int model) const;
  void require_parameters() const;
  void require_training() const;
  void require_merge() const;
  void end_training();
  const Block& block(ParameterVector vector) const;
  std::unique_ptr<Pass> forward(const Batch& batch, bool keep);

  Device device_;
  Stream stream_;
  const std::unique_ptr<Model> model_;
  const ParamTable& table_;
  const std::unique_ptr<Weights> weights_;
  Arena arena_;
  std::vector<WalkedTensor> tensors_;
  std::vector<std::unique_ptr<FileSource>> models_;
  Block parameters_, fisher_, numerator_, denominator_;
  // What the memory holds. It holds nothing before the first call and after one that failed half-way through it.
  enum class Theta { kNothing, kParameters } theta_ = Theta::kNothing;
  enum class Fisher { kNothing, kSum, kFisher, kGradient } fisher_state_ = Fisher::kNothing;
  enum class Merge { kNothing, kSums, kMoments } merge_state_ = Merge::kNothing;
  int64_t inputs_ = 0;     // added to the sum of a Fisher
  int folded_ = 0;         // models in the sums of a merge
  int steps_ = 0;          // of the training
  bool gradient_ = false;  // something was added since the last of them
};

}  // namespace dfmerge
