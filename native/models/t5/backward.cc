#include "models/t5/backward.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "models/t5/gradient_rows.h"
#include "ops/activation.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace dfmerge {

namespace {

class Backward {
 public:
  Backward(Forward& forward, const std::vector<GradientTerm>& terms, Accumulate accumulate, float* target)
      : f_(forward),
        c_(forward.model.config),
        context_(forward.context),
        arena_(forward.arena),
        squared_(accumulate == Accumulate::kSquares),
        target_(target),
        rows_(gradient_rows(forward.batch, terms)) {
    encoder_sums_ = squared_ ? rows_.encoder : joined(rows_.encoder);
    decoder_sums_ = squared_ ? rows_.decoder : joined(rows_.decoder);
  }

  void run() {
    const int64_t d = c_.d_model, encoder_rows = rows_.encoder.rows(), decoder_rows = rows_.decoder.rows();
    float* dlogits = logits_gradient();
    float* dx = zeros(decoder_rows * d);
    head(dlogits, dx);
    float* d_encoder_output = zeros(encoder_rows * d);
    float* decoder_bias = zeros(bias_gradient_size(f_.decoder_bias));
    for (size_t i = f_.decoder.size(); i-- > 0;) {
      context_.check_stop();
      const DecoderLayer& params = f_.model.decoder[i];
      feed_forward(f_.decoder[i].feed_forward, params.feed_forward, rows_.decoder, decoder_sums_, dx);
      cross_attention(f_.decoder[i].cross, params.cross, dx, d_encoder_output);
      self_attention(f_.decoder[i].self, params.self, {&rows_.decoder_self, &f_.decoder_bias, true, decoder_bias},
                     rows_.decoder, decoder_sums_, dx);
    }
    finish_bias(false, f_.decoder_bias, decoder_bias, f_.model.decoder_bias);
    float* encoder_dx = zeros(encoder_rows * d);
    norm(f_.encoder_final, f_.model.encoder_norm, rows_.encoder, encoder_sums_, d_encoder_output, encoder_dx);
    float* encoder_bias = zeros(bias_gradient_size(f_.encoder_bias));
    for (size_t i = f_.encoder.size(); i-- > 0;) {
      context_.check_stop();
      const EncoderLayer& params = f_.model.encoder[i];
      feed_forward(f_.encoder[i].feed_forward, params.feed_forward, rows_.encoder, encoder_sums_, encoder_dx);
      self_attention(f_.encoder[i].self, params.self, {&rows_.encoder_self, &f_.encoder_bias, false, encoder_bias},
                     rows_.encoder, encoder_sums_, encoder_dx);
    }
    finish_bias(true, f_.encoder_bias, encoder_bias, f_.model.encoder_bias);
    embeddings(dlogits, encoder_dx, dx);
  }

 private:
  struct SelfAttention {
    const AttentionSpans* spans;
    const PositionBias* bias;
    bool causal;
    float* dbias;
  };

  float* zeros(int64_t size) {
    float* block = arena_.allocate(size);
    std::memset(block, 0, static_cast<size_t>(size) * 4);
    return block;
  }
  float* target(int param) const { return target_ + f_.model.table[param].offset; }
  int64_t bias_gradient_size(const PositionBias& bias) const {
    return rows_.decoder.count() * c_.num_heads * (2 * bias.reach - 1);
  }

  // In place of the logits where every forward row belongs to one gradient, in order; else gathered.
  float* logits_gradient() {
    const int64_t rows = rows_.decoder.rows();
    bool in_place = rows == f_.decoder_rows;
    for (int64_t t = 0; in_place && t < rows; ++t) in_place = rows_.decoder.row_of[t] == t;
    float* dlogits = in_place ? f_.logits() : arena_.allocate(rows * c_.vocab_size);
    cross_entropy_backward(
        context_, rows, c_.vocab_size,
        {f_.logits(), f_.batch.label_ids.data(), rows_.decoder.row_of.data(), rows_.logit_scale.data(), dlogits});
    return dlogits;
  }

  // dx[rows, in] (+)= dy[rows, out] W, W [out, in] the parameter, or as many of one shape as adjoin.
  void data_gradient(const Segments& rows, const float* dy, int param, float* dx, bool accumulate, int adjoining = 1) {
    const auto& shape = f_.model.table[param].shape;
    const int64_t out = shape[0] * adjoining;
    matmul(context_, {rows.rows(), shape[1], out}, row_major(dy, out), row_major(f_.weight(param), shape[1]), dx,
           shape[1], accumulate, {f_.packed.backward(param)});
  }

  void weight_gradient(const Segments& sums, const float* x, const float* dy, int param, int adjoining = 1,
                       const SparseRows* extra = nullptr) {
    const auto& shape = f_.model.table[param].shape;
    const int64_t out = shape[0] * adjoining;
    squared_outer(context_, {out, shape[1]}, sums, {x, shape[1], dy, out}, extra, squared_, target(param));
  }

  void norm(const NormState& state, int param, const Segments& rows, const Segments& sums, const float* dy, float* dx) {
    const RmsNormBackward operands{state.x, state.r, f_.weight(param), dy, dx};
    rms_norm_weight(context_, sums, c_.d_model, operands, squared_, target(param));
    rms_norm_backward(context_, rows, c_.d_model, operands);
  }

  void head(float* dlogits, float* dx) {
    const int64_t rows = rows_.decoder.rows();
    ArenaScope scope(arena_);
    float* dh = arena_.allocate(rows * c_.d_model);
    data_gradient(rows_.decoder, dlogits, f_.model.head, dh, false);
    if (c_.scale_logits) context_.kernels.scale(dh, f_.logit_scale(), rows * c_.d_model);
    norm(f_.decoder_final, f_.model.decoder_norm, rows_.decoder, decoder_sums_, dh, dx);
  }

  void feed_forward(const FeedForwardState& state, const FeedForwardParams& params, const Segments& rows,
                    const Segments& sums, float* dx) {
    ArenaScope scope(arena_);
    const int64_t count = rows.rows(), width = c_.d_ff;
    float* dhidden = arena_.allocate(count * width);
    float* dnorm = arena_.allocate(count * c_.d_model);
    weight_gradient(sums, state.hidden, dx, params.wo);
    data_gradient(rows, dx, params.wo, dhidden, false);
    if (c_.gated) {
      float* dgate = arena_.allocate(2 * count * width);
      gated_gelu_backward(context_, rows, width, 2 * width, state.gate, state.linear, dhidden, dgate, dgate + width);
      weight_gradient(sums, state.norm.y, dgate, params.gate, 2);
      data_gradient(rows, dgate, params.gate, dnorm, false, 2);
    } else {
      relu_backward(context_, rows, width, state.hidden, dhidden);
      weight_gradient(sums, state.norm.y, dhidden, params.gate);
      data_gradient(rows, dhidden, params.gate, dnorm, false);
    }
    norm(state.norm, params.norm, rows, sums, dnorm, dx);
  }

  void self_attention(const AttentionState& state, const AttentionParams& params, const SelfAttention& self,
                      const Segments& rows, const Segments& sums, float* dx) {
    ArenaScope scope(arena_);
    const int64_t size = rows.rows() * c_.inner(), stride = 3 * c_.inner();
    float *dcontext = arena_.allocate(size), *dq = arena_.allocate(3 * size), *dk = dq + c_.inner(),
          *dv = dk + c_.inner();
    float* dnorm = arena_.allocate(rows.rows() * c_.d_model);
    weight_gradient(sums, state.context, dx, params.o);
    data_gradient(rows, dx, params.o, dcontext, false);
    attention_backward(context_, {c_.num_heads, c_.d_kv, self.causal, self.bias, stride, stride}, *self.spans,
                       {state.q, state.k, state.v, dcontext, dq, dk, dv, self.dbias});
    weight_gradient(sums, state.norm.y, dq, params.q, 3);
    data_gradient(rows, dq, params.q, dnorm, false, 3);
    norm(state.norm, params.norm, rows, sums, dnorm, dx);
  }

  void cross_attention(const AttentionState& state, const AttentionParams& params, float* dx, float* d_encoder_output) {
    ArenaScope scope(arena_);
    const int64_t queries = rows_.decoder.rows() * c_.inner(), keys = rows_.encoder.rows() * c_.inner();
    float *dcontext = arena_.allocate(queries), *dq = arena_.allocate(queries), *dk = arena_.allocate(2 * keys),
          *dv = dk + c_.inner();
    float* dnorm = arena_.allocate(rows_.decoder.rows() * c_.d_model);
    weight_gradient(decoder_sums_, state.context, dx, params.o);
    data_gradient(rows_.decoder, dx, params.o, dcontext, false);
    attention_backward(context_, {c_.num_heads, c_.d_kv, false, nullptr, c_.inner(), 2 * c_.inner()}, rows_.cross,
                       {state.q, state.k, state.v, dcontext, dq, dk, dv, nullptr});
    weight_gradient(decoder_sums_, state.norm.y, dq, params.q);
    weight_gradient(encoder_sums_, f_.encoder_output(), dk, params.k, 2);
    data_gradient(rows_.encoder, dk, params.k, d_encoder_output, true, 2);
    data_gradient(rows_.decoder, dq, params.q, dnorm, false);
    norm(state.norm, params.norm, rows_.decoder, decoder_sums_, dnorm, dx);
  }

  void finish_bias(bool encoder_side, const PositionBias& bias, const float* by_distance, int param) {
    position_bias_weight(context_, c_.buckets(encoder_side), c_.num_heads, bias.reach, rows_.decoder.weight,
                         by_distance, squared_, target(param));
  }

  // The embedding's gradient: both stacks' inputs and, when the head is tied, the head, summed before the square.
  void embeddings(const float* dlogits, float* encoder_dx, float* decoder_dx) {
    const SparseRows inputs =
        embedding_backward(context_, c_.d_model, {encoder_sums_, f_.batch.input_ids.data(), encoder_dx},
                           {decoder_sums_, f_.decoder_ids.data(), decoder_dx});
    if (c_.tied) return weight_gradient(decoder_sums_, f_.head_input(), dlogits, f_.model.head, 1, &inputs);
    weight_gradient(decoder_sums_, f_.head_input(), dlogits, f_.model.head);
    squared_rows(context_, c_.d_model, decoder_sums_, inputs, squared_, target(f_.model.shared));
  }

  Forward& f_;
  const T5Config& c_;
  Context& context_;
  Arena& arena_;
  const bool squared_;
  float* target_;
  GradientRows rows_;
  Segments encoder_sums_, decoder_sums_;  // rows that are summed to one gradient: a term's, or all
};

}  // namespace

void backward(Forward& forward, const std::vector<GradientTerm>& terms, Accumulate accumulate, float* target) {
  if (!forward.logits()) fail("INVALID_ARGUMENT", "the backward pass needs a forward pass that kept its logits");
  if (terms.empty()) return;
  Backward(forward, terms, accumulate, target).run();
}

}  // namespace dfmerge
