// What the engine, Fisher, scoring and training know of an architecture. Every architecture lies in a folder beside
// this file and registers itself by name (Registration), so that one is added without an edit elsewhere.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/parameter_table.h"
#include "device.h"
#include "models/batch.h"
#include "models/model_config.h"
#include "ops/weights.h"

namespace dfmerge {

// One gradient: g = sum_c seed_c grad(-NLL_c) over a contiguous range of an input's choices.
struct GradientTerm {
  int64_t input;
  int64_t first_choice;      // index into the batch's choices
  std::vector<float> seeds;  // one per choice of the range
  float weight;              // of g^2, or of g where gradients are summed
};

enum class Accumulate { kSquares, kSum };

// One pass over one batch at one theta.
class Pass {
 public:
  virtual ~Pass() = default;
  // Returns the NLL of every choice, which is a sum over its label tokens. backward() may follow if the pass keeps.
  virtual std::vector<double> score() = 0;
  // target[p] += the sum over terms of weight g_p^2 (kSquares) or of weight g_p (kSum, only for terms that cover every
  // label token once, in order, with one weight). A parameter that is used in several places gets the sum of its
  // gradients before the square. Throws INVALID_ARGUMENT unless a pass that keeps was scored before.
  virtual void backward(const std::vector<GradientTerm>& terms, Accumulate accumulate, float* target) = 0;
  // Returns an intermediate result by name, for tests: "encode" is the encoder's output [input tokens, d_model],
  // "logits" is [label tokens, vocabulary]. Throws INVALID_ARGUMENT for a name that the architecture does not have.
  virtual std::vector<float> output(const std::string& name) = 0;
};

// What a pass computes with. All of it outlives the pass.
struct PassSetting {
  Stream& stream;
  const float* theta;      // [parameters().total()]
  const Weights& weights;  // prepared for theta and this kind of pass
  Arena& arena;            // where activations go
  bool keep;               // keeps activations and logits for backward(); else only what the next layer needs
};

// What decides how much memory one row of a batch takes.
struct RowShape {
  int64_t input_tokens, choice_tokens, choices;  // choice_tokens counts all choices together
  double gradients;                              // how many are made of it; 0 where it is only scored
  // How many sequences are generated of it side by side, and how many tokens each gets at most; 0 where none is.
  int64_t sequences = 0, new_tokens = 0;
};

// What sequences are generated from.
struct Prompts {
  const Batch& batch;        // its inputs; it needs no choices
  int64_t most_tokens;       // that a sequence gets
  int32_t start_token = -1;  // begins every sequence where the architecture has such a token; -1 stands for its own
};

// Sequences that grow token by token, all sequences of a batch together. Their keys and values are kept, so that a step
// computes the new tokens alone. What becomes of a sequence does not depend on the others.
class Decoding {
 public:
  virtual ~Decoding() = default;
  // Reads the prompts and begins one sequence per input. Returns the logits of each one's first token, [sequences,
  // vocabulary]; logits are valid until the next call.
  virtual const float* begin() = 0;
  // From now on there are parents.size() sequences, and sequence i goes on from what sequence parents[i] was. Parents
  // rise by input, so that the sequences of one input stay together.
  virtual void reorder(const std::vector<int32_t>& parents) = 0;
  // Appends tokens[i] to sequence i and returns the logits of the next tokens.
  virtual const float* step(const std::vector<int32_t>& tokens) = 0;
};

class Model {
 public:
  virtual ~Model() = default;
  virtual const ParamTable& parameters() const = 0;
  virtual int vocabulary() const = 0;  // token ids are below it
  // The matrices that products read, in the order in which they should be made ready (ops/weights.h).
  virtual std::vector<WeightMatrix> matrices() const = 0;
  virtual std::unique_ptr<Pass> forward(const Batch& batch, const PassSetting& setting) const = 0;
  // Begins to generate. Throws UNSUPPORTED for an architecture that does not, which is what this does unless
  // overridden.
  virtual std::unique_ptr<Decoding> decode(const Prompts& prompts, const PassSetting& setting) const;
  // Bytes that a row adds to the activations of its batch: an estimate that batches are cut by.
  virtual double activation_bytes(const RowShape& row) const = 0;
  // Writes random parameters, as before pre-training. They are the same for any number of threads.
  virtual void initialize(Stream& stream, uint64_t seed, float* theta) const = 0;
};

using MakeModel = std::unique_ptr<Model> (*)(const ModelConfig&);

// A static object of this type makes an architecture known.
class Registration {
 public:
  Registration(const char* architecture, MakeModel make);
};

// Throws INVALID_ARGUMENT for an architecture that nobody registered or a setting of a wrong type, INVALID_CONFIG for a
// value that the architecture does not have.
std::unique_ptr<Model> make_model(const ModelConfig& config);

}  // namespace dfmerge
