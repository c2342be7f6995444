// What TypeScript may ask for; no Node-API types. One engine holds four vectors of parameters whatever the number of
// models is:
//
//   parameters   theta: a loaded, interpolated or merged model
//   fisher       the diagonal Fisher being accumulated; in training, the gradient
//   numerator    of the merge; in training, AdamW's first moment
//   denominator  of the merge; in training, AdamW's second moment
//
// Models stay in their files. Calls are bounded slices: one batch, one pass over the parameters.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "device.h"
#include "models/model.h"
#include "storage/source.h"

namespace dfmerge {

enum class FisherMode { kExact, kSampled, kSequence, kChoices };
FisherMode parse_fisher_mode(const std::string& name);

enum class ParameterVector { kParameters, kFisher };

struct AdamW {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  int step;  // from 1
};

class Engine {
 public:
  Engine(const ModelConfig& config, const DeviceOptions& options);

  const Model& model() const { return *model_; }
  std::string matmul() const { return stream_.matmul(); }
  int64_t bytes() const;  // held outside V8's heap
  void stop() { stream_.stop(); }
  void clear_stop() { stream_.clear_stop(); }

  // Models. The first one added is the base, theta_0.
  int add_model(const std::vector<TensorSource>& sources);
  void load(int model);                             // theta = theta_i
  void interpolate(int model, double coefficient);  // theta = theta_0 + lambda (theta_i - theta_0)
  void initialize(uint64_t seed);                   // theta = random, before pre-training

  // Fisher at theta (paper eq. 2-3).
  void begin_fisher();
  // Adds a batch's squares; returns p~ of every choice. draws: one per input, for kSampled: uniform numbers in [0, 1)
  // that pick a choice by p~'s distribution function, or the choices themselves where `drawn` is given. min_weight: of
  // fisher_terms; 0 skips nothing.
  std::vector<double> add_fisher(const Batch& batch, FisherMode mode, const std::vector<double>& draws,
                                 const std::vector<int32_t>& drawn, double min_weight);
  struct Fold {
    int model;
    double coefficient;
  };
  void finish_fisher(int64_t inputs, double epsilon,
                     std::optional<Fold> fold);  // F / N + eps; with a fold, folded into the merge in the same sweep
  void load_fisher(const std::vector<TensorSource>& sources);

  // The unified merge (paper eq. 7).
  void begin_merge();
  void fold(const Fold& fold, bool with_fisher);  // with_fisher false: C_i = 1
  void finish_merge(int models);                  // theta = theta_0 + M num / den

  // Scores at theta.
  std::vector<double> score(const Batch& batch);  // NLL of every choice
  std::vector<float> encode(const Batch& batch);  // [input tokens, d_model]
  std::vector<float> logits(const Batch& batch);  // [label tokens, vocabulary]

  // Training.
  void begin_training();  // moments and gradient zeroed
  std::vector<double> add_gradient(const Batch& batch,
                                   double scale);  // gradient += scale d(sum of all NLL)/d theta; returns NLLs
  void adamw(const AdamW& options);                // one step; the gradient is zeroed behind it

  void write(ParameterVector vector, const std::vector<TensorSource>& targets);
  const float* parameter(ParameterVector vector, const std::string& name, int64_t* size);  // for tests and inspection

 private:
  // A part of a parameter, small enough for a thread's stack and first-level cache.
  struct Chunk {
    int param;
    int64_t at;            // first element in the vectors of all parameters
    int64_t first, count;  // in the parameter
    float *a, *b;          // the thread's own, `count` each
  };
  void start();
  void invalidate();
  bool streaming() const;
  void check_model(int model) const;
  void require_parameters() const;
  std::unique_ptr<Pass> forward(const Batch& batch, bool keep);
  template <class Body>
  void for_chunks(const Body& body);
  void fold_chunk(const Fold& fold, bool with_fisher, const Chunk& chunk);

  Device device_;
  Stream stream_;
  Context& context_;  // of the CPU, for the passes over parameters
  std::unique_ptr<Model> model_;
  const ParamTable& table_;
  std::unique_ptr<Weights> weights_;
  Arena arena_;
  std::vector<std::unique_ptr<Checkpoint>> models_;
  Buffer parameters_, fisher_, numerator_, denominator_;
  bool loaded_ = false;  // false, too, after a job that failed half-way through parameters_
};

}  // namespace dfmerge
