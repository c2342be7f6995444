#include "models/t5/parameters.h"

#include <string>

namespace dfmerge::t5 {

namespace {

// A layer of attention. The first of a stack holds the position bias of all, whose index goes to `bias`; the others
// have a null there.
struct AttentionLayer {
  std::string name;
  const char* kind;
  int* bias;
};

AttentionParams add_attention(Parameters& model, const AttentionLayer& layer) {
  const Config& c = model.config;
  const std::string prefix = layer.name + layer.kind + ".";
  AttentionParams p;
  p.q = model.table.add(prefix + "q.weight", {c.inner(), c.d_model});
  p.k = model.table.add(prefix + "k.weight", {c.inner(), c.d_model}, true);
  p.v = model.table.add(prefix + "v.weight", {c.inner(), c.d_model}, true);
  p.o = model.table.add(prefix + "o.weight", {c.d_model, c.inner()});
  if (layer.bias)
    *layer.bias = model.table.add(prefix + "relative_attention_bias.weight", {c.relative_buckets, c.num_heads});
  p.norm = model.table.add(layer.name + "layer_norm.weight", {c.d_model});
  return p;
}

FeedForwardParams add_feed_forward(Parameters& model, const std::string& layer) {
  const Config& c = model.config;
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

}  // namespace

Parameters::Parameters(const Config& c) : config(c) {
  shared = table.add("shared.weight", {c.vocab_size, c.d_model});
  for (int i = 0; i < c.num_layers; ++i) {
    EncoderLayer layer;
    layer.self = add_attention(*this, {layer_name("encoder", i, 0), "SelfAttention", i == 0 ? &encoder_bias : nullptr});
    layer.feed_forward = add_feed_forward(*this, layer_name("encoder", i, 1));
    encoder.push_back(layer);
  }
  encoder_norm = table.add("encoder.final_layer_norm.weight", {c.d_model});
  for (int i = 0; i < c.num_decoder_layers; ++i) {
    DecoderLayer layer;
    layer.self = add_attention(*this, {layer_name("decoder", i, 0), "SelfAttention", i == 0 ? &decoder_bias : nullptr});
    layer.cross = add_attention(*this, {layer_name("decoder", i, 1), "EncDecAttention", nullptr});
    layer.feed_forward = add_feed_forward(*this, layer_name("decoder", i, 2));
    decoder.push_back(layer);
  }
  decoder_norm = table.add("decoder.final_layer_norm.weight", {c.d_model});
  head = c.tied ? shared : table.add("lm_head.weight", {c.vocab_size, c.d_model});
}

}  // namespace dfmerge::t5
