// The numbers of a T5's config.json that decide what it computes.
#pragma once
#include "models/model_config.h"
#include "ops/position_bias.h"

namespace dfmerge::t5 {

struct Config {
  int d_model, d_kv, d_ff, num_layers, num_decoder_layers, num_heads;
  int relative_buckets, relative_max_distance;
  int vocab_size, decoder_start;
  bool gated;         // true for gated-gelu (wi_0 is the gate, wi_1 linear), false for relu
  bool tied;          // true where the head is shared.weight, false where it is lm_head.weight
  bool scale_logits;  // whether logits are scaled by d_model^-0.5
  float epsilon;      // of the layer norms

  int inner() const { return num_heads * d_kv; }
  BucketRule buckets(bool encoder) const { return {relative_buckets, relative_max_distance, encoder}; }
};

// Throws INVALID_ARGUMENT for a missing or mistyped setting, INVALID_CONFIG for a value that no T5 has.
Config read_config(const ModelConfig& settings);

}  // namespace dfmerge::t5
