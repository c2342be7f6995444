#include "models/t5/decoder.h"

#include <numeric>

#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/step_attention.h"

namespace dfmerge::t5 {

Decoder::Decoder(const Parameters& parameters, const Prompts& prompts, const PassSetting& setting)
    : forward_(parameters, prompts.batch, setting),
      start_token_(prompts.start_token >= 0 ? prompts.start_token : parameters.config.decoder_start),
      bias_(forward_.bias_table(false, prompts.most_tokens)),
      rows_(parameters.decoder.size()),
      kept_(setting.arena.mark()) {}

const float* Decoder::begin() {
  forward_.encode();
  for (const DecoderLayer& layer : forward_.model.decoder) {
    forward_.stream.check_stop();
    cross_keys_.push_back(
        forward_.project_keys({forward_.encoder_output(), forward_.encoder_rows}, {layer.cross.k, 2}));
  }
  kept_ = forward_.arena.mark();
  const auto inputs = static_cast<size_t>(forward_.batch.inputs());
  slots_.assign(inputs, {});
  input_of_.resize(inputs);
  std::iota(input_of_.begin(), input_of_.end(), 0);
  return step(std::vector<int32_t>(inputs, start_token_));
}

void Decoder::reorder(const std::vector<int32_t>& parents) {
  std::vector<std::vector<int32_t>> slots;
  std::vector<int32_t> input_of;
  for (int32_t parent : parents) {
    slots.push_back(slots_[parent]);
    input_of.push_back(input_of_[parent]);
  }
  slots_ = std::move(slots);
  input_of_ = std::move(input_of);
}

SpanTable Decoder::cross_spans() const {
  const std::vector<int32_t>& offsets = forward_.batch.input_offsets;
  SpanTable table;
  for (size_t first = 0, last; first < input_of_.size(); first = last) {
    const int32_t input = input_of_[first];
    for (last = first; last < input_of_.size() && input_of_[last] == input;) ++last;
    const auto query = static_cast<int64_t>(first), queries = static_cast<int64_t>(last - first);
    const int64_t key = offsets[input], keys = offsets[input + 1] - key;
    table.spans.push_back({query, queries, key, keys, query, key, input});
    table.end_group();
  }
  return table;
}

float* Decoder::self_attention(const Forward::Stack& stack, size_t layer) {
  const Config& c = forward_.model.config;
  Stream& stream = forward_.stream;
  const std::vector<const float*>& rows = rows_[layer];
  float* context = forward_.arena.allocate(stack.rows * c.inner());
  step_attention(stream, {c.num_heads, c.d_kv, bias_, stack.rows, static_cast<int64_t>(rows.size()), 3 * c.inner(),
                          stream.upload(rows), stream.upload(slot_table_), context});
  return forward_.add_projection(stack, context, forward_.model.decoder[layer].self.o);
}

float* Decoder::cross_attention(const Forward::Stack& stack, const CrossAttention& cross) {
  const Config& c = forward_.model.config;
  const AttentionParams& params = forward_.model.decoder[cross.layer].cross;
  const NormState norm = forward_.normalize(stack.x, stack.rows, params.norm);
  const float* query = forward_.project_keys({norm.y, stack.rows}, {params.q});
  const float* keys = cross_keys_[cross.layer];
  float* context = forward_.arena.allocate(stack.rows * c.inner());
  const AttentionShape shape{c.num_heads, c.d_kv, false, nullptr, c.inner(), 2 * c.inner()};
  attention(forward_.stream, {shape, cross.spans, query, keys, keys + c.inner(), context});
  return forward_.add_projection(stack, context, params.o);
}

const float* Decoder::step(const std::vector<int32_t>& tokens) {
  const Parameters& model = forward_.model;
  const Config& c = model.config;
  Stream& stream = forward_.stream;
  Arena& arena = forward_.arena;
  const auto sequences = static_cast<int64_t>(tokens.size());
  arena.release(kept_);
  std::vector<float*> kept;
  for (size_t layer = 0; layer < model.decoder.size(); ++layer)
    kept.push_back(arena.allocate(sequences * 3 * c.inner()));
  kept_ = arena.mark();

  slot_table_.clear();
  for (size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].push_back(static_cast<int32_t>(i));
    slot_table_.insert(slot_table_.end(), slots_[i].begin(), slots_[i].end());
  }
  const SpanTable spans = cross_spans();
  const AttentionSpans cross_rows = spans.upload(stream);
  const AttentionShape unused{};
  Forward::Stack stack{arena.allocate(sequences * c.d_model), sequences, cross_rows, unused};
  embedding(stream, {sequences, c.d_model, forward_.weight(model.shared), stream.upload(tokens), stack.x});
  for (size_t layer = 0; layer < model.decoder.size(); ++layer) {
    stream.check_stop();
    const DecoderLayer& params = model.decoder[layer];
    const Arena::Mark mark = arena.mark();
    const NormState norm = forward_.normalize(stack.x, sequences, params.self.norm);
    forward_.project_keys({norm.y, sequences}, {params.self.q, 3}, kept[layer]);
    rows_[layer].push_back(kept[layer]);
    self_attention(stack, layer);
    arena.release(mark);
    cross_attention(stack, {layer, cross_rows});
    arena.release(mark);
    FeedForwardState state;
    forward_.feed_forward(stack, params.feed_forward, state);
    arena.release(mark);
  }
  const NormState final = forward_.normalize(stack.x, sequences, model.decoder_norm);
  if (c.scale_logits) scale(stream, {final.y, sequences * c.d_model, forward_.logit_scale()});
  float* logits = arena.allocate(sequences * c.vocab_size);
  matmul(stream, {{sequences, c.vocab_size, c.d_model},
                  row_major(final.y, c.d_model),
                  transposed(forward_.weight(model.head), c.d_model),
                  {logits, c.vocab_size},
                  {forward_.weights.forward(model.head, false)}});
  return logits;
}

}  // namespace dfmerge::t5
