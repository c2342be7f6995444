// T5's parameters, under the names of published checkpoints. A tied head is the same parameter as the embedding.
#pragma once
#include <vector>

#include "core/parameter_table.h"
#include "models/t5/config.h"

namespace dfmerge::t5 {

// Indices into the parameter table. q, k, v adjoin, and so do gate and linear: where their input is the same, each such
// run is one matrix to a product.
struct AttentionParams {
  int norm, q, k, v, o;  // norm [d]; q, k, v [inner, d]; o [d, inner]
};
struct FeedForwardParams {
  int norm, gate, linear, wo;  // with relu gate is wi and linear is -1; gate, linear [d_ff, d]; wo [d, d_ff]
};
struct EncoderLayer {
  AttentionParams self;
  FeedForwardParams feed_forward;
};
struct DecoderLayer {
  AttentionParams self, cross;
  FeedForwardParams feed_forward;
};

// How many of `adjoining` matrices (q, k and v, or k and v, or q alone) make the attention's weights: all but the
// values.
inline int exact_keys(int adjoining) { return adjoining > 1 ? adjoining - 1 : 1; }

struct Parameters {
  explicit Parameters(const Config& config);
  Config config;
  ParamTable table;
  int shared, head;                // head == shared when tied
  int encoder_bias, decoder_bias;  // [buckets, heads] of block 0, used by every block
  int encoder_norm, decoder_norm;
  std::vector<EncoderLayer> encoder;
  std::vector<DecoderLayer> decoder;
};

}  // namespace dfmerge::t5
