#include "models/t5/model.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace dfmerge {

namespace {

AttentionParams add_attention(T5Model& model, const std::string& layer, const char* kind, int* bias) {
  const T5Config& c = model.config;
  const std::string prefix = layer + kind + ".";
  AttentionParams p;
  p.q = model.table.add(prefix + "q.weight", {c.inner(), c.d_model});
  p.k = model.table.add(prefix + "k.weight", {c.inner(), c.d_model}, true);
  p.v = model.table.add(prefix + "v.weight", {c.inner(), c.d_model}, true);
  p.o = model.table.add(prefix + "o.weight", {c.d_model, c.inner()});
  if (bias) *bias = model.table.add(prefix + "relative_attention_bias.weight", {c.relative_buckets, c.num_heads});
  p.norm = model.table.add(layer + "layer_norm.weight", {c.d_model});
  return p;
}

FeedForwardParams add_feed_forward(T5Model& model, const std::string& layer) {
  const T5Config& c = model.config;
  const std::string prefix = layer + "DenseReluDense.";
  FeedForwardParams p;
  p.gate = model.table.add(prefix + (c.gated ? "wi_0.weight" : "wi.weight"), {c.d_ff, c.d_model});
  p.linear = c.gated ? model.table.add(prefix + "wi_1.weight", {c.d_ff, c.d_model}, true) : -1;
  p.wo = model.table.add(prefix + "wo.weight", {c.d_model, c.d_ff});
  p.norm = model.table.add(layer + "layer_norm.weight", {c.d_model});
  return p;
}

std::string layer_name(const char* stack, int block, int layer) {
  return std::string(stack) + ".block." + std::to_string(block) + ".layer." + std::to_string(layer) + ".";
}

void check(const T5Config& c) {
  const int sizes[] = {c.d_model, c.d_kv, c.d_ff, c.num_layers, c.num_decoder_layers, c.num_heads, c.vocab_size};
  for (int size : sizes)
    if (size < 1 || size > (1 << 24)) fail("INVALID_CONFIG", "a size of the model is %d", size);
  if (int64_t{c.num_heads} * c.d_kv > (1 << 24))
    fail("INVALID_CONFIG", "%d heads of width %d are too wide", c.num_heads, c.d_kv);
  if (c.relative_buckets < 4 || c.relative_buckets % 2 != 0)
    fail("INVALID_CONFIG", "relative_attention_num_buckets is %d: expected an even number of at least 4",
         c.relative_buckets);
  if (c.relative_max_distance <= c.relative_buckets / 2)
    fail("INVALID_CONFIG", "relative_attention_max_distance is %d: expected more than half of the %d buckets",
         c.relative_max_distance, c.relative_buckets);
  if (c.decoder_start < 0 || c.decoder_start >= c.vocab_size)
    fail("INVALID_CONFIG", "decoder_start_token_id %d is not in the vocabulary", c.decoder_start);
}

}  // namespace

T5Model::T5Model(const T5Config& c) : config(c) {
  check(c);
  shared = table.add("shared.weight", {c.vocab_size, c.d_model});
  for (int i = 0; i < c.num_layers; ++i) {
    EncoderLayer layer;
    layer.self = add_attention(*this, layer_name("encoder", i, 0), "SelfAttention", i == 0 ? &encoder_bias : nullptr);
    layer.feed_forward = add_feed_forward(*this, layer_name("encoder", i, 1));
    encoder.push_back(layer);
  }
  encoder_norm = table.add("encoder.final_layer_norm.weight", {c.d_model});
  for (int i = 0; i < c.num_decoder_layers; ++i) {
    DecoderLayer layer;
    layer.self = add_attention(*this, layer_name("decoder", i, 0), "SelfAttention", i == 0 ? &decoder_bias : nullptr);
    layer.cross = add_attention(*this, layer_name("decoder", i, 1), "EncDecAttention", nullptr);
    layer.feed_forward = add_feed_forward(*this, layer_name("decoder", i, 2));
    decoder.push_back(layer);
  }
  decoder_norm = table.add("decoder.final_layer_norm.weight", {c.d_model});
  head = c.tied ? shared : table.add("lm_head.weight", {c.vocab_size, c.d_model});
}

namespace {

// SplitMix64 (Steele, Lea, Flood 2014) of a counter: element i of parameter p is the same whoever computes it.
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

float standard_normal(uint64_t key, uint64_t counter) {
  const uint64_t bits = mix(key ^ mix(counter));
  const double u = (static_cast<double>(bits >> 32) + 0.5) * 0x1p-32,
               v = static_cast<double>(bits & 0xffffffffu) * 0x1p-32;
  return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
}

bool ends_with(const std::string& text, const char* end) {
  const std::string suffix(end);
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

double deviation(const T5Config& c, const std::string& name) {
  if (ends_with(name, ".q.weight")) return 1.0 / std::sqrt(double(c.d_model) * c.d_kv);
  if (ends_with(name, ".o.weight")) return 1.0 / std::sqrt(double(c.inner()));
  if (ends_with(name, ".wo.weight")) return 1.0 / std::sqrt(double(c.d_ff));
  if (ends_with(name, "shared.weight") || ends_with(name, "lm_head.weight")) return 1.0;
  return 1.0 / std::sqrt(double(c.d_model));  // k, v, wi, wi_0, wi_1, relative_attention_bias
}

}  // namespace

void initialize(Context& context, const T5Model& model, uint64_t seed, float* theta) {
  for (int p = 0; p < model.table.count(); ++p) {
    const Param& param = model.table[p];
    float* values = theta + param.offset;
    const bool norm = ends_with(param.name, "layer_norm.weight");
    const double scale = norm ? 0 : deviation(model.config, param.name);
    const uint64_t key = mix(seed * 0x100000001b3u + static_cast<uint64_t>(p));
    constexpr int64_t kItem = 1 << 15;
    context.pool.run((param.size + kItem - 1) / kItem, [&](int64_t item, int) {
      context.check_stop();
      for (int64_t i = item * kItem; i < std::min(param.size, (item + 1) * kItem); ++i)
        values[i] = norm ? 1.0f : static_cast<float>(scale * standard_normal(key, static_cast<uint64_t>(i)));
    });
  }
}

}  // namespace dfmerge
