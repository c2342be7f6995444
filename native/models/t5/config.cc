#include "models/t5/config.h"

namespace dfmerge::t5 {

namespace {

constexpr int kMostLayers = 1 << 12, kMostBuckets = 1 << 16, kMostDistance = 1 << 30;
constexpr double kMostParameters = 1099511627776.0;  // 2^40

// The matrices' elements, which are all but a few of the parameters.
double elements(const Config& c) {
  const double d = c.d_model, attention = 4.0 * c.inner() * d, feed_forward = 3.0 * c.d_ff * d;
  return 2.0 * c.vocab_size * d + 2.0 * c.relative_buckets * c.num_heads +
         c.num_layers * (attention + feed_forward + 2 * d) +
         c.num_decoder_layers * (2 * attention + feed_forward + 3 * d);
}

void check(const Config& c) {
  const int sizes[] = {c.d_model, c.d_kv, c.d_ff, c.num_layers, c.num_decoder_layers, c.num_heads, c.vocab_size};
  for (int size : sizes)
    if (size < 1 || size > (1 << 24)) fail("INVALID_CONFIG", "a size of the model is %d", size);
  if (int64_t{c.num_heads} * c.d_kv > (1 << 24))
    fail("INVALID_CONFIG", "%d heads of width %d are too wide", c.num_heads, c.d_kv);
  if (c.num_layers > kMostLayers || c.num_decoder_layers > kMostLayers)
    fail("INVALID_CONFIG", "%d and %d layers: expected at most %d", c.num_layers, c.num_decoder_layers, kMostLayers);
  if (c.relative_buckets < 4 || c.relative_buckets % 2 != 0 || c.relative_buckets > kMostBuckets)
    fail("INVALID_CONFIG", "relative_attention_num_buckets is %d: expected an even number of 4 to %d",
         c.relative_buckets, kMostBuckets);
  if (c.relative_max_distance <= c.relative_buckets / 2 || c.relative_max_distance > kMostDistance)
    fail("INVALID_CONFIG",
         "relative_attention_max_distance is %d: expected more than half of the %d buckets, and at most %d",
         c.relative_max_distance, c.relative_buckets, kMostDistance);
  if (elements(c) > kMostParameters)
    fail("INVALID_CONFIG", "the sizes of the model make some %.2g parameters: expected at most %.0f", elements(c),
         kMostParameters);
  if (c.decoder_start < 0 || c.decoder_start >= c.vocab_size)
    fail("INVALID_CONFIG", "decoder_start_token_id %d is not in the vocabulary", c.decoder_start);
}

}  // namespace

Config read_config(const ModelConfig& settings) {
  Config c;
  c.d_model = settings.integer("dModel");
  c.d_kv = settings.integer("dKv");
  c.d_ff = settings.integer("dFf");
  c.num_layers = settings.integer("numLayers");
  c.num_decoder_layers = settings.integer("numDecoderLayers");
  c.num_heads = settings.integer("numHeads");
  c.relative_buckets = settings.integer("relativeBuckets");
  c.relative_max_distance = settings.integer("relativeMaxDistance");
  c.vocab_size = settings.integer("vocabSize");
  c.decoder_start = settings.integer("decoderStartTokenId");
  c.gated = settings.flag("gated");
  c.tied = settings.flag("tied");
  c.scale_logits = settings.flag("scaleLogits");
  c.epsilon = static_cast<float>(settings.number("epsilon"));
  check(c);
  return c;
}

}  // namespace dfmerge::t5
