// T5's shape and parameters: names as published in checkpoints, ties stated here.
#pragma once
#include <vector>

#include "core/parameter_table.h"
#include "cpu/context.h"
#include "ops/position_bias.h"

namespace dfmerge {

struct T5Config {
  int d_model, d_kv, d_ff, num_layers, num_decoder_layers, num_heads;
  int relative_buckets, relative_max_distance;
  int vocab_size, decoder_start;
  bool gated;         // gated-gelu (wi_0 gate, wi_1 linear), else relu
  bool tied;          // the head is shared.weight, else lm_head.weight
  bool scale_logits;  // by d_model^-0.5
  float epsilon;      // of the layer norms

  int inner() const { return num_heads * d_kv; }
  BucketRule buckets(bool encoder) const { return {relative_buckets, relative_max_distance, encoder}; }
};

// Indices into the parameter table. q, k, v adjoin, and so do gate and linear: each run of them is one matrix where its
// input is the same.
struct AttentionParams {
  int norm, q, k, v, o;  // norm [d]; q, k, v [inner, d]; o [d, inner]
};
struct FeedForwardParams {
  int norm, gate, linear, wo;  // relu: gate is wi and linear is -1; gate, linear [d_ff, d]; wo [d, d_ff]
};
struct EncoderLayer {
  AttentionParams self;
  FeedForwardParams feed_forward;
};
struct DecoderLayer {
  AttentionParams self, cross;
  FeedForwardParams feed_forward;
};

struct T5Model {
  explicit T5Model(const T5Config& config);
  T5Config config;
  ParamTable table;
  int shared, head;                                            // head == shared when tied
  int encoder_bias, decoder_bias, encoder_norm, decoder_norm;  // bias [buckets, heads], of block 0, used by every block
  std::vector<EncoderLayer> encoder;
  std::vector<DecoderLayer> decoder;
};

// Random parameters as T5 is initialised before pre-training (standard deviations of Mesh TensorFlow's T5); the same
// for any thread count.
void initialize(Context& context, const T5Model& model, uint64_t seed, float* theta);

}  // namespace dfmerge
