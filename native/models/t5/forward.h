// T5's forward pass over a ragged batch: one encoder pass per input, shared by its choices.
#pragma once
#include "cpu/context.h"
#include "models/batch.h"
#include "models/t5/model.h"
#include "models/t5/packed_weights.h"
#include "ops/attention.h"
#include "ops/cross_entropy.h"

namespace dfmerge {

// What the backward pass reads. All live in the arena that the pass was given.
struct NormState {
  const float* x;  // the sublayer's input, [rows, d]
  float* y;        // normed, [rows, d]
  float* r;        // [rows]
};
struct AttentionState {
  NormState norm;
  float *q, *k,
      *v;  // [rows, inner], in one block: q, k, v of a row side by side where the input is the same, else k and v
  float* context;  // [rows, inner]
};
struct FeedForwardState {
  NormState norm;
  float *gate, *linear;  // before the activation, [rows, d_ff], side by side; null for relu
  float* hidden;         // after it
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
  // keep: hold the activations of every layer for a backward pass; else only what the next layer needs.
  // packed: prepared for theta.
  Forward(Context& context, const T5Model& model, const float* theta, const PackedWeights& packed, const Batch& batch,
          Arena& arena, bool keep);
  void encode();
  void decode();                                     // after encode()
  void score(double* nll_of_choice);                 // after decode(): NLL per choice, logits in tiles
  void score_keeping_logits(double* nll_of_choice);  // and logits() for the backward pass

  const float* encoder_output() const { return encoder_final.y; }
  // Decoder rows after the final norm, scaled by d_model^-0.5 where the model does so: what meets the head.
  const float* head_input() const { return decoder_final.y; }
  float* logits() const { return logits_; }

  Context& context;
  const T5Model& model;
  const float* theta;
  const PackedWeights& packed;
  const Batch& batch;
  Arena& arena;
  const int64_t encoder_rows, decoder_rows;
  std::vector<int32_t> decoder_ids;
  PositionBias encoder_bias, decoder_bias;
  std::vector<EncoderState> encoder;
  std::vector<DecoderState> decoder;
  NormState encoder_final, decoder_final;

  const float* weight(int param) const { return theta + model.table[param].offset; }
  float logit_scale() const;

 private:
  NormState normalize(const float* x, int64_t rows, int norm);
  void multiply(const float* x, int64_t rows, int param, int adjoining, bool exact, float* y, int64_t ldy,
                bool accumulate);
  float* project(const float* x, int64_t rows, int param, int adjoining = 1);
  float* project_keys(const float* x, int64_t rows, int param, int adjoining);
  float* self_attention(float* x, int64_t rows, const AttentionParams& params, const AttentionSpans& spans,
                        const AttentionShape& shape, AttentionState& state);
  float* cross_attention(float* x, const AttentionParams& params, const AttentionSpans& spans, AttentionState& state);
  float* feed_forward(float* x, int64_t rows, const FeedForwardParams& params, FeedForwardState& state);
  float* add_projection(float* x, int64_t rows, const float* y, int param);
  PositionBias bias_table(bool encoder_side, int param, const std::vector<int32_t>& offsets);
  void sum_choices(const std::vector<double>& token_nll, double* nll_of_choice) const;

  const bool keep_;
  const bool rounded_;  // products take bfloat16
  float* logits_ = nullptr;
};

}  // namespace dfmerge
