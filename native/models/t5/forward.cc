#include "models/t5/forward.h"

#include <algorithm>
#include <cmath>

#include "models/t5/spans.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace dfmerge::t5 {

namespace {

// The length of the longest sequence, or 1 where there is none.
int64_t longest(const std::vector<int32_t>& offsets) {
  int64_t length = 1;
  for (size_t i = 1; i < offsets.size(); ++i) length = std::max<int64_t>(length, offsets[i] - offsets[i - 1]);
  return length;
}

}  // namespace

Forward::Forward(const Parameters& m, const Batch& b, const PassSetting& setting)
    : model(m),
      batch(b),
      stream(setting.stream),
      arena(setting.arena),
      weights(setting.weights),
      encoder_rows(b.input_tokens()),
      decoder_rows(b.label_tokens()),
      decoder_ids(decoder_inputs(b, m.config.decoder_start)),
      theta_(setting.theta),
      keep_(setting.keep),
      rounded_(setting.stream.rounds()) {
  encoder_bias = bias_table(true, longest(batch.input_offsets));
  decoder_bias = bias_table(false, longest(batch.label_offsets));
}

PositionBias Forward::bias_table(bool encoder_side, int64_t reach) {
  const int heads = model.config.num_heads, param = encoder_side ? model.encoder_bias : model.decoder_bias;
  float* values = arena.allocate(heads * (2 * reach - 1));
  position_bias(stream, {model.config.buckets(encoder_side), heads, weight(param), reach, values});
  return {reach, values};
}

float Forward::logit_scale() const {
  return model.config.scale_logits ? static_cast<float>(1.0 / std::sqrt(static_cast<double>(model.config.d_model)))
                                   : 1.0f;
}

AttentionShape Forward::self_attention_shape(bool decoder_side) const {
  const Config& c = model.config;
  return {c.num_heads,   c.d_kv,       decoder_side, decoder_side ? &decoder_bias : &encoder_bias,
          3 * c.inner(), 3 * c.inner()};
}

NormState Forward::normalize(const float* x, int64_t rows, int norm) {
  const int d = model.config.d_model;
  NormState state{x, arena.allocate(rows * d), arena.allocate(rows)};
  rms_norm(stream, {rows, d, x, weight(norm), model.config.epsilon, state.y, state.r});
  return state;
}

// y[rows, out] (+)= x[rows, in] W^T.
void Forward::multiply(const Rows& x, const Projection& projection, const Target& target) {
  const auto& [param, adjoining, exact] = projection;
  const auto& shape = model.table[param].shape;
  matmul(stream, {{x.count, shape[0] * adjoining, shape[1]},
                  row_major(x.data, shape[1]),
                  transposed(weight(param), shape[1]),
                  {target.y, target.stride},
                  {weights.forward(param, exact), exact},
                  target.accumulate});
}

// Which products of a forward pass stay in float32 when others take bfloat16 was measured: almost all of a Fisher's
// error came from the rounded forward pass under it, which is 1 / (1 + 2 C) of its work; scores were changed most by
// rounding what makes the attention's weights.
float* Forward::project(const Rows& x, const Projection& projection, float* y) {
  const auto [param, adjoining, exact] = projection;
  const int64_t out = model.table[param].shape[0] * adjoining;
  if (!y) y = arena.allocate(x.count * out);
  multiply(x, {param, adjoining, exact || (rounded_ && keep_)}, {y, out});
  return y;
}

// Projects to adjoining queries, keys and values, or to keys and values, or to queries alone. A scoring pass in
// bfloat16 computes exactly what the attention's weights come from, and only the values in bfloat16.
float* Forward::project_keys(const Rows& x, const Projection& projection, float* y) {
  if (!rounded_ || keep_) return project(x, projection, y);
  const auto [param, adjoining, all_exact] = projection;
  const int64_t inner = model.config.inner(), stride = inner * adjoining;
  const int exact = exact_keys(adjoining);
  if (!y) y = arena.allocate(x.count * stride);
  multiply(x, {param, exact, true}, {y, stride});
  if (adjoining > exact) multiply(x, {param + exact, 1, all_exact}, {y + exact * inner, stride});
  return y;
}

// Returns the residual stream after a sublayer, x + y W^T. It is in a new place where x is kept for the backward pass.
float* Forward::add_projection(const Stack& stack, const float* y, int param) {
  const int64_t d = model.table[param].shape[0];
  float* out = stack.x;
  if (keep_) {
    out = arena.allocate(stack.rows * d);
    copy(stream, {out, stack.x, stack.rows * d});
  }
  multiply({y, stack.rows}, {param, 1, rounded_ && keep_}, {out, d, true});
  return out;
}

float* Forward::self_attention(const Stack& stack, const AttentionParams& params, AttentionState& state) {
  const int64_t inner = model.config.inner();
  state.norm = normalize(stack.x, stack.rows, params.norm);
  state.q = project_keys({state.norm.y, stack.rows}, {params.q, 3});
  state.k = state.q + inner;
  state.v = state.k + inner;
  state.context = arena.allocate(stack.rows * inner);
  attention(stream, {stack.self, stack.spans, state.q, state.k, state.v, state.context});
  return add_projection(stack, state.context, params.o);
}

float* Forward::cross_attention(const Stack& stack, const CrossAttention& layer, AttentionState& state) {
  const Config& c = model.config;
  state.norm = normalize(stack.x, stack.rows, layer.params.norm);
  state.q = project_keys({state.norm.y, stack.rows}, {layer.params.q});
  state.k = project_keys({encoder_final.y, encoder_rows}, {layer.params.k, 2});
  state.v = state.k + c.inner();
  state.context = arena.allocate(stack.rows * c.inner());
  const AttentionShape shape{c.num_heads, c.d_kv, false, nullptr, c.inner(), 2 * c.inner()};
  attention(stream, {shape, layer.spans, state.q, state.k, state.v, state.context});
  return add_projection(stack, state.context, layer.params.o);
}

float* Forward::feed_forward(const Stack& stack, const FeedForwardParams& params, FeedForwardState& state) {
  const int width = model.config.d_ff;
  state.norm = normalize(stack.x, stack.rows, params.norm);
  state.gate = project({state.norm.y, stack.rows}, {params.gate, model.config.gated ? 2 : 1});
  if (model.config.gated) {
    state.linear = state.gate + width;
    state.hidden = arena.allocate(stack.rows * width);
    gated_gelu(stream, {stack.rows, width, 2 * width, state.gate, state.linear, state.hidden});
  } else {
    state.hidden = state.gate;
    state.gate = state.linear = nullptr;
    relu(stream, {stack.rows, width, state.hidden});
  }
  return add_projection(stack, state.hidden, params.wo);
}

void Forward::encode() {
  const int64_t d = model.config.d_model;
  const SpanTable spans = encoder_spans(batch);
  Stack stack{arena.allocate(encoder_rows * d), encoder_rows, spans.upload(stream), self_attention_shape(false)};
  embedding(stream, {encoder_rows, d, weight(model.shared), stream.upload(batch.input_ids), stack.x});
  encoder.resize(model.encoder.size());
  for (size_t i = 0; i < model.encoder.size(); ++i) {
    stream.check_stop();
    const Arena::Mark mark = arena.mark();
    stack.x = self_attention(stack, model.encoder[i].self, encoder[i].self);
    if (!keep_) arena.release(mark);
    stack.x = feed_forward(stack, model.encoder[i].feed_forward, encoder[i].feed_forward);
    if (!keep_) arena.release(mark);
  }
  encoder_final = normalize(stack.x, encoder_rows, model.encoder_norm);
}

void Forward::decode() {
  const int64_t d = model.config.d_model;
  const SpanTable self = decoder_spans(batch), cross = cross_spans(batch);
  const AttentionSpans cross_rows = cross.upload(stream);
  Stack stack{arena.allocate(decoder_rows * d), decoder_rows, self.upload(stream), self_attention_shape(true)};
  embedding(stream, {decoder_rows, d, weight(model.shared), stream.upload(decoder_ids), stack.x});
  decoder.resize(model.decoder.size());
  for (size_t i = 0; i < model.decoder.size(); ++i) {
    stream.check_stop();
    const Arena::Mark mark = arena.mark();
    stack.x = self_attention(stack, model.decoder[i].self, decoder[i].self);
    if (!keep_) arena.release(mark);
    stack.x = cross_attention(stack, {cross_rows, model.decoder[i].cross}, decoder[i].cross);
    if (!keep_) arena.release(mark);
    stack.x = feed_forward(stack, model.decoder[i].feed_forward, decoder[i].feed_forward);
    if (!keep_) arena.release(mark);
  }
  decoder_final = normalize(stack.x, decoder_rows, model.decoder_norm);
  if (model.config.scale_logits) scale(stream, {decoder_final.y, decoder_rows * d, logit_scale()});
}

std::vector<double> Forward::score(bool keep_logits) {
  const Config& c = model.config;
  if (keep_logits) logits_ = arena.allocate(decoder_rows * c.vocab_size);
  const Head head{weight(model.head), weights.forward(model.head, false), c.vocab_size, c.d_model};
  std::vector<double> of_token(static_cast<size_t>(decoder_rows));
  head_nll(stream, {head, decoder_rows, head_input(), stream.upload(batch.label_ids), of_token.data(), logits_});
  return sum_choices(batch, of_token);
}

}  // namespace dfmerge::t5
