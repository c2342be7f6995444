// T5's forward pass over a ragged batch: one encoder pass per input, shared by its choices.
#pragma once
#include "models/model.h"
#include "models/t5/parameters.h"
#include "ops/attention.h"
#include "ops/cross_entropy.h"

namespace dfmerge::t5 {

// What the backward pass reads of the forward pass. All of it lives in the arena that the pass was given.
struct NormState {
  const float* x;  // the sublayer's input, [rows, d]
  float* y;        // normed, [rows, d]
  float* r;        // [rows]
};
struct AttentionState {
  NormState norm;
  // [rows, inner] each. In self-attention q, k and v of a row lie side by side; elsewhere only k and v do.
  float *q, *k, *v;
  float* context;  // [rows, inner]
};
struct FeedForwardState {
  NormState norm;
  float *gate, *linear;  // before the activation, [rows, d_ff], side by side; null for relu
  float* hidden;         // after the activation, [rows, d_ff]
};
struct EncoderState {
  AttentionState self;
  FeedForwardState feed_forward;
};
struct DecoderState {
  AttentionState self, cross;
  FeedForwardState feed_forward;
};

class Forward {
 public:
  Forward(const Parameters& model, const Batch& batch, const PassSetting& setting);
  void encode();
  void decode();  // encode() comes first
  // Returns the NLL of every choice; decode() comes first. With keep_logits the logits() stay for the backward pass,
  // and without they are made a few tiles at a time.
  std::vector<double> score(bool keep_logits);

  const float* encoder_output() const { return encoder_final.y; }
  // What the head multiplies: the decoder's rows after the final norm, scaled by d_model^-0.5 where the model does so.
  const float* head_input() const { return decoder_final.y; }
  float* logits() const { return logits_; }

  const Parameters& model;
  const Batch& batch;
  Stream& stream;
  Arena& arena;
  const Weights& weights;
  const int64_t encoder_rows, decoder_rows;
  const std::vector<int32_t> decoder_ids;
  PositionBias encoder_bias, decoder_bias;
  std::vector<EncoderState> encoder;
  std::vector<DecoderState> decoder;
  NormState encoder_final, decoder_final;

  const float* weight(int param) const { return theta_ + model.table[param].offset; }
  float logit_scale() const;

  // The parts of a pass, of which the incremental decoder makes its steps too.

  // A matrix of parameters that rows are multiplied by, or several of one shape that adjoin and are taken as one.
  struct Projection {
    int param;
    int adjoining = 1;
    bool exact = false;
  };
  // Contiguous rows as wide as the matrix that they meet.
  struct Rows {
    const float* data;
    int64_t count;
  };
  // Where a product goes: rows `stride` floats apart.
  struct Target {
    float* y;
    int64_t stride;
    bool accumulate = false;
  };
  // One of the two stacks of blocks: its residual stream, and who attends to whom in its self-attention.
  struct Stack {
    float* x;  // [rows, d_model]
    int64_t rows;
    AttentionSpans spans;
    AttentionShape self;
  };
  AttentionShape self_attention_shape(bool decoder_side) const;
  NormState normalize(const float* x, int64_t rows, int norm);
  void multiply(const Rows& x, const Projection& projection, const Target& target);
  // Where y is null, the product goes to the arena.
  float* project(const Rows& x, const Projection& projection, float* y = nullptr);
  float* project_keys(const Rows& x, const Projection& projection, float* y = nullptr);
  // The sublayers return the residual stream behind them.
  float* add_projection(const Stack& stack, const float* y, int param);
  float* self_attention(const Stack& stack, const AttentionParams& params, AttentionState& state);
  float* feed_forward(const Stack& stack, const FeedForwardParams& params, FeedForwardState& state);
  struct CrossAttention {
    const AttentionSpans& spans;
    const AttentionParams& params;
  };
  float* cross_attention(const Stack& stack, const CrossAttention& layer, AttentionState& state);
  // The bias for distances of less than `reach`.
  PositionBias bias_table(bool encoder_side, int64_t reach);

 private:
  const float* const theta_;
  const bool keep_;
  const bool rounded_;  // products round their operands to bfloat16
  float* logits_ = nullptr;
};

}  // namespace dfmerge::t5
