#include "models/t5/forward.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/activation.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace dfmerge {

Forward::Forward(Context& c, const T5Model& m, const float* parameters, const PackedWeights& weights, const Batch& b,
                 Arena& a, bool keep)
    : context(c),
      model(m),
      theta(parameters),
      packed(weights),
      batch(b),
      arena(a),
      encoder_rows(b.input_tokens()),
      decoder_rows(b.label_tokens()),
      decoder_ids(decoder_inputs(b, m.config.decoder_start)),
      keep_(keep),
      rounded_(c.compute == Compute::kBfloat16) {
  encoder_bias = bias_table(true, model.encoder_bias, batch.input_offsets);
  decoder_bias = bias_table(false, model.decoder_bias, batch.label_offsets);
}

PositionBias Forward::bias_table(bool encoder_side, int param, const std::vector<int32_t>& offsets) {
  int64_t reach = 1;
  for (size_t i = 1; i < offsets.size(); ++i) reach = std::max<int64_t>(reach, offsets[i] - offsets[i - 1]);
  float* values = arena.allocate(model.config.num_heads * (2 * reach - 1));
  position_bias(model.config.buckets(encoder_side), model.config.num_heads, weight(param), reach, values);
  return {reach, values};
}

float Forward::logit_scale() const {
  return model.config.scale_logits ? static_cast<float>(1.0 / std::sqrt(static_cast<double>(model.config.d_model)))
                                   : 1.0f;
}

NormState Forward::normalize(const float* x, int64_t rows, int norm) {
  const int d = model.config.d_model;
  NormState state{x, arena.allocate(rows * d), arena.allocate(rows)};
  rms_norm(context, rows, d, x, weight(norm), model.config.epsilon, state.y, state.r);
  return state;
}

// y[rows, out] (+)= x[rows, in] W^T, rows of y ldy apart; W [out, in] the parameter, or as many of one shape as adjoin.
void Forward::multiply(const float* x, int64_t rows, int param, int adjoining, bool exact, float* y, int64_t ldy,
                       bool accumulate) {
  const auto& shape = model.table[param].shape;
  matmul(context, {rows, shape[0] * adjoining, shape[1]}, row_major(x, shape[1]), transposed(weight(param), shape[1]),
         y, ldy, accumulate, {packed.forward(param, exact), exact});
}

// Which products of a forward pass stay in float32 when others take bfloat16 was measured: almost all of a Fisher's
// error came from the rounded forward pass under it, which is 1 / (1 + 2 C) of its work; scores were moved most by what
// makes the attention's weights.
float* Forward::project(const float* x, int64_t rows, int param, int adjoining) {
  const int64_t out = model.table[param].shape[0] * adjoining;
  float* y = arena.allocate(rows * out);
  multiply(x, rows, param, adjoining, rounded_ && keep_, y, out, false);
  return y;
}

// Queries, keys and values that adjoin, or the last two, or queries alone.
float* Forward::project_keys(const float* x, int64_t rows, int param, int adjoining) {
  if (!rounded_ || keep_) return project(x, rows, param, adjoining);
  const int64_t inner = model.config.inner(), stride = inner * adjoining;
  const int exact = std::max(1, adjoining - 1);
  float* y = arena.allocate(rows * stride);
  multiply(x, rows, param, exact, true, y, stride, false);
  if (adjoining > exact) multiply(x, rows, param + exact, 1, false, y + exact * inner, stride, false);
  return y;
}

// The residual stream after a sublayer: x + y W^T, in a new place when x is kept for the backward pass.
float* Forward::add_projection(float* x, int64_t rows, const float* y, int param) {
  const int64_t d = model.table[param].shape[0];
  float* out = x;
  if (keep_) {
    out = arena.allocate(rows * d);
    std::memcpy(out, x, static_cast<size_t>(rows * d) * 4);
  }
  multiply(y, rows, param, 1, rounded_ && keep_, out, d, true);
  return out;
}

float* Forward::self_attention(float* x, int64_t rows, const AttentionParams& params, const AttentionSpans& spans,
                               const AttentionShape& shape, AttentionState& state) {
  state.norm = normalize(x, rows, params.norm);
  state.q = project_keys(state.norm.y, rows, params.q, 3);
  state.k = state.q + model.config.inner();
  state.v = state.k + model.config.inner();
  state.context = arena.allocate(rows * model.config.inner());
  attention(context, shape, spans, state.q, state.k, state.v, state.context);
  return add_projection(x, rows, state.context, params.o);
}

float* Forward::cross_attention(float* x, const AttentionParams& params, const AttentionSpans& spans,
                                AttentionState& state) {
  const T5Config& c = model.config;
  state.norm = normalize(x, decoder_rows, params.norm);
  state.q = project_keys(state.norm.y, decoder_rows, params.q, 1);
  state.k = project_keys(encoder_final.y, encoder_rows, params.k, 2);
  state.v = state.k + c.inner();
  state.context = arena.allocate(decoder_rows * c.inner());
  attention(context, {c.num_heads, c.d_kv, false, nullptr, c.inner(), 2 * c.inner()}, spans, state.q, state.k, state.v,
            state.context);
  return add_projection(x, decoder_rows, state.context, params.o);
}

float* Forward::feed_forward(float* x, int64_t rows, const FeedForwardParams& params, FeedForwardState& state) {
  const int width = model.config.d_ff;
  state.norm = normalize(x, rows, params.norm);
  state.gate = project(state.norm.y, rows, params.gate, model.config.gated ? 2 : 1);
  if (model.config.gated) {
    state.linear = state.gate + width;
    state.hidden = arena.allocate(rows * width);
    gated_gelu(context, rows, width, 2 * width, state.gate, state.linear, state.hidden);
  } else {
    state.hidden = state.gate;
    state.gate = state.linear = nullptr;
    relu(context, rows, width, state.hidden);
  }
  return add_projection(x, rows, state.hidden, params.wo);
}

namespace {

AttentionSpans encoder_spans(const Batch& batch) {
  AttentionSpans result;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int64_t first = batch.input_offsets[i], rows = batch.input_offsets[i + 1] - first;
    result.spans.push_back({first, rows, first, rows, first, first, i});
    result.end_group();
  }
  return result;
}

AttentionSpans decoder_spans(const Batch& batch) {
  AttentionSpans result;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    for (int64_t c = batch.choice_offsets[i]; c < batch.choice_offsets[i + 1]; ++c) {
      const int64_t first = batch.label_offsets[c], rows = batch.label_offsets[c + 1] - first;
      result.spans.push_back({first, rows, first, rows, first, first, c});
    }
    result.end_group();
  }
  return result;
}

// All choices of an input attend to its encoder rows together.
AttentionSpans cross_spans(const Batch& batch) {
  AttentionSpans result;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int64_t query = batch.label_offsets[batch.choice_offsets[i]],
                  rows = batch.label_offsets[batch.choice_offsets[i + 1]] - query;
    const int64_t key = batch.input_offsets[i], keys = batch.input_offsets[i + 1] - key;
    if (rows > 0) result.spans.push_back({query, rows, key, keys, query, key, i});
    result.end_group();
  }
  return result;
}

}  // namespace

void Forward::encode() {
  const T5Config& c = model.config;
  float* x = arena.allocate(encoder_rows * c.d_model);
  embedding(context, encoder_rows, c.d_model, weight(model.shared), batch.input_ids.data(), x);
  const AttentionSpans spans = encoder_spans(batch);
  encoder.resize(model.encoder.size());
  for (size_t i = 0; i < model.encoder.size(); ++i) {
    context.check_stop();
    const Arena::Mark mark = arena.mark();
    x = self_attention(x, encoder_rows, model.encoder[i].self, spans,
                       {c.num_heads, c.d_kv, false, &encoder_bias, 3 * c.inner(), 3 * c.inner()}, encoder[i].self);
    if (!keep_) arena.release(mark);
    x = feed_forward(x, encoder_rows, model.encoder[i].feed_forward, encoder[i].feed_forward);
    if (!keep_) arena.release(mark);
  }
  encoder_final = normalize(x, encoder_rows, model.encoder_norm);
}

void Forward::decode() {
  const T5Config& c = model.config;
  float* x = arena.allocate(decoder_rows * c.d_model);
  embedding(context, decoder_rows, c.d_model, weight(model.shared), decoder_ids.data(), x);
  const AttentionSpans self = decoder_spans(batch), cross = cross_spans(batch);
  decoder.resize(model.decoder.size());
  for (size_t i = 0; i < model.decoder.size(); ++i) {
    context.check_stop();
    const Arena::Mark mark = arena.mark();
    x = self_attention(x, decoder_rows, model.decoder[i].self, self,
                       {c.num_heads, c.d_kv, true, &decoder_bias, 3 * c.inner(), 3 * c.inner()}, decoder[i].self);
    if (!keep_) arena.release(mark);
    x = cross_attention(x, model.decoder[i].cross, cross, decoder[i].cross);
    if (!keep_) arena.release(mark);
    x = feed_forward(x, decoder_rows, model.decoder[i].feed_forward, decoder[i].feed_forward);
    if (!keep_) arena.release(mark);
  }
  decoder_final = normalize(x, decoder_rows, model.decoder_norm);
  if (c.scale_logits) context.kernels.scale(decoder_final.y, logit_scale(), decoder_rows * c.d_model);
}

void Forward::sum_choices(const std::vector<double>& token_nll, double* nll_of_choice) const {
  for (int64_t c = 0; c < batch.choices(); ++c) {
    nll_of_choice[c] = 0;
    for (int32_t t = batch.label_offsets[c]; t < batch.label_offsets[c + 1]; ++t) nll_of_choice[c] += token_nll[t];
  }
}

void Forward::score(double* nll_of_choice) {
  std::vector<double> token_nll(static_cast<size_t>(decoder_rows));
  const Head head{weight(model.head), packed.forward(model.head, false), model.config.vocab_size, model.config.d_model};
  head_nll(context, head, decoder_rows, head_input(), batch.label_ids.data(), token_nll.data());
  sum_choices(token_nll, nll_of_choice);
}

void Forward::score_keeping_logits(double* nll_of_choice) {
  std::vector<double> token_nll(static_cast<size_t>(decoder_rows));
  const Head head{weight(model.head), packed.forward(model.head, false), model.config.vocab_size, model.config.d_model};
  logits_ = arena.allocate(decoder_rows * model.config.vocab_size);
  head_logits_nll(context, head, decoder_rows, head_input(), batch.label_ids.data(), logits_, token_nll.data());
  sum_choices(token_nll, nll_of_choice);
}

}  // namespace dfmerge
