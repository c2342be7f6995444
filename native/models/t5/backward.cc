#include "models/t5/backward.h"

#include "models/t5/gradient_rows.h"
#include "ops/activation.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"
#include "ops/squared_outer.h"

namespace dfmerge::t5 {

namespace {

class Backward {
 public:
  Backward(const Forward& forward, const Gradients& gradients)
      : f_(forward),
        c_(forward.model.config),
        stream_(forward.stream),
        arena_(forward.arena),
        squared_(gradients.accumulate == Accumulate::kSquares),
        target_(gradients.target),
        rows_(gradient_rows(forward.batch, gradients.terms)),
        encoder_sums_(squared_ ? rows_.encoder : joined(rows_.encoder)),
        decoder_sums_(squared_ ? rows_.decoder : joined(rows_.decoder)),
        encoder_{rows_.encoder.upload(stream_), encoder_sums_.upload(stream_)},
        decoder_{rows_.decoder.upload(stream_), decoder_sums_.upload(stream_)},
        encoder_self_(rows_.encoder_self.upload(stream_)),
        decoder_self_(rows_.decoder_self.upload(stream_)),
        cross_(rows_.cross.upload(stream_)) {}

  void run() {
    const int64_t d = c_.d_model;
    float* dlogits = logits_gradient();
    float* dx = zeros(decoder_.rows.rows * d);
    head(dlogits, dx);
    float* d_encoder_output = zeros(encoder_.rows.rows * d);
    const SelfAttention decoder{decoder_, decoder_self_, f_.decoder_bias, true, bias_gradient(f_.decoder_bias)};
    for (size_t i = f_.decoder.size(); i-- > 0;) {
      stream_.check_stop();
      const DecoderLayer& params = f_.model.decoder[i];
      feed_forward({f_.decoder[i].feed_forward, params.feed_forward}, decoder_, dx);
      cross_attention({f_.decoder[i].cross, params.cross}, dx, d_encoder_output);
      self_attention({f_.decoder[i].self, params.self}, decoder, dx);
    }
    finish_bias(decoder, f_.model.decoder_bias);
    float* encoder_dx = zeros(encoder_.rows.rows * d);
    norm({f_.encoder_final, f_.model.encoder_norm}, encoder_, {d_encoder_output, encoder_dx});
    const SelfAttention encoder{encoder_, encoder_self_, f_.encoder_bias, false, bias_gradient(f_.encoder_bias)};
    for (size_t i = f_.encoder.size(); i-- > 0;) {
      stream_.check_stop();
      const EncoderLayer& params = f_.model.encoder[i];
      feed_forward({f_.encoder[i].feed_forward, params.feed_forward}, encoder_, encoder_dx);
      self_attention({f_.encoder[i].self, params.self}, encoder, encoder_dx);
    }
    finish_bias(encoder, f_.model.encoder_bias);
    embeddings(dlogits, encoder_dx, dx);
  }

 private:
  // The rows of one stack: `rows` are those that gradients flow through, and `sums` says which of them are summed to
  // one weight gradient, those of a term or all.
  struct Side {
    Segments rows, sums;
  };
  // A sublayer's activations and parameters.
  template <class State, class Params>
  struct Sublayer {
    const State& state;
    const Params& params;
  };
  using AttentionLayer = Sublayer<AttentionState, AttentionParams>;
  using FeedForwardLayer = Sublayer<FeedForwardState, FeedForwardParams>;
  struct NormLayer {
    const NormState& state;
    int param;
  };
  struct SelfAttention {
    const Side& side;
    const AttentionSpans& spans;
    const PositionBias& bias;
    bool causal;
    float* dbias;  // [segments, heads, 2 reach - 1]
  };
  // A matrix of parameters, or several of one shape that adjoin and are taken as one.
  struct Matrices {
    int param;
    int adjoining = 1;
  };
  // The gradient of a layer's output, dy, and that of its input, dx, which is written or added to.
  struct Flow {
    const float* dy;
    float* dx;
    bool accumulate = false;
  };

  float* zeros(int64_t size) {
    float* block = arena_.allocate(size);
    fill(stream_, {block, size});
    return block;
  }
  float* target(int param) const { return target_ + f_.model.table[param].offset; }
  float* bias_gradient(const PositionBias& bias) { return zeros(decoder_.rows.count * c_.num_heads * bias.width()); }

  // Computes the gradient in the place of the logits where the gradient rows are the forward rows in order, and in new
  // memory elsewhere.
  float* logits_gradient() {
    const int64_t rows = decoder_.rows.rows;
    bool in_place = rows == f_.decoder_rows;
    for (int64_t t = 0; in_place && t < rows; ++t) in_place = rows_.decoder.row_of[t] == t;
    float* dlogits = in_place ? f_.logits() : arena_.allocate(rows * c_.vocab_size);
    cross_entropy_backward(stream_, {rows, c_.vocab_size, f_.logits(), stream_.upload(f_.batch.label_ids),
                                     decoder_.rows.row_of, stream_.upload(rows_.logit_scale), dlogits});
    return dlogits;
  }

  // dx[rows, in] (+)= dy[rows, out] W.
  void data_gradient(const Side& side, const Matrices& w, const Flow& flow) {
    const auto& shape = f_.model.table[w.param].shape;
    const int64_t out = shape[0] * w.adjoining, in = shape[1];
    matmul(stream_, {{side.rows.rows, in, out},
                     row_major(flow.dy, out),
                     row_major(f_.weight(w.param), in),
                     {flow.dx, in},
                     {f_.weights.backward(w.param)},
                     flow.accumulate});
  }

  // What a weight's gradient is made of: its input x and the gradient dy of its output, summed within each of `sums`.
  struct Product {
    const Segments& sums;
    const float *x, *dy;
    const SparseRows* extra = nullptr;
  };
  void weight_gradient(const Matrices& w, const Product& o) {
    const auto& shape = f_.model.table[w.param].shape;
    const int64_t out = shape[0] * w.adjoining, in = shape[1];
    squared_outer(stream_, {o.sums, out, in, o.x, in, o.dy, out, o.extra, squared_, target(w.param)});
  }

  void norm(const NormLayer& layer, const Side& side, const Flow& flow) {
    const NormState& state = layer.state;
    rms_norm_weight(stream_, {side.sums, c_.d_model, state.x, state.r, flow.dy, squared_, target(layer.param)});
    rms_norm_backward(stream_, {side.rows, c_.d_model, state.x, state.r, f_.weight(layer.param), flow.dy, flow.dx});
  }

  void head(float* dlogits, float* dx) {
    const int64_t size = decoder_.rows.rows * c_.d_model;
    ArenaScope scope(arena_);
    float* dh = arena_.allocate(size);
    data_gradient(decoder_, {f_.model.head}, {dlogits, dh});
    if (c_.scale_logits) scale(stream_, {dh, size, f_.logit_scale()});
    norm({f_.decoder_final, f_.model.decoder_norm}, decoder_, {dh, dx});
  }

  void feed_forward(const FeedForwardLayer& layer, const Side& side, float* dx) {
    const auto& [state, params] = layer;
    ArenaScope scope(arena_);
    const int64_t count = side.rows.rows, width = c_.d_ff;
    float* dhidden = arena_.allocate(count * width);
    float* dnorm = arena_.allocate(count * c_.d_model);
    weight_gradient({params.wo}, {side.sums, state.hidden, dx});
    data_gradient(side, {params.wo}, {dx, dhidden});
    Matrices first{params.gate};
    float* dfirst = dhidden;
    if (c_.gated) {
      first.adjoining = 2;
      dfirst = arena_.allocate(2 * count * width);
      gated_gelu_backward(stream_,
                          {side.rows, width, 2 * width, state.gate, state.linear, dhidden, dfirst, dfirst + width});
    } else {
      relu_backward(stream_, {side.rows, width, state.hidden, dhidden});
    }
    weight_gradient(first, {side.sums, state.norm.y, dfirst});
    data_gradient(side, first, {dfirst, dnorm});
    norm({state.norm, params.norm}, side, {dnorm, dx});
  }

  void self_attention(const AttentionLayer& layer, const SelfAttention& self, float* dx) {
    const auto& [state, params] = layer;
    const Side& side = self.side;
    ArenaScope scope(arena_);
    const int64_t size = side.rows.rows * c_.inner(), stride = 3 * c_.inner();
    float *dcontext = arena_.allocate(size), *dq = arena_.allocate(3 * size), *dk = dq + c_.inner(),
          *dv = dk + c_.inner();
    float* dnorm = arena_.allocate(side.rows.rows * c_.d_model);
    weight_gradient({params.o}, {side.sums, state.context, dx});
    data_gradient(side, {params.o}, {dx, dcontext});
    const AttentionShape shape{c_.num_heads, c_.d_kv, self.causal, &self.bias, stride, stride};
    attention_backward(stream_, {shape, self.spans, state.q, state.k, state.v, dcontext, dq, dk, dv, self.dbias});
    weight_gradient({params.q, 3}, {side.sums, state.norm.y, dq});
    data_gradient(side, {params.q, 3}, {dq, dnorm});
    norm({state.norm, params.norm}, side, {dnorm, dx});
  }

  void cross_attention(const AttentionLayer& layer, float* dx, float* d_encoder_output) {
    const auto& [state, params] = layer;
    ArenaScope scope(arena_);
    const int64_t queries = decoder_.rows.rows * c_.inner(), keys = encoder_.rows.rows * c_.inner();
    float *dcontext = arena_.allocate(queries), *dq = arena_.allocate(queries), *dk = arena_.allocate(2 * keys),
          *dv = dk + c_.inner();
    float* dnorm = arena_.allocate(decoder_.rows.rows * c_.d_model);
    weight_gradient({params.o}, {decoder_.sums, state.context, dx});
    data_gradient(decoder_, {params.o}, {dx, dcontext});
    const AttentionShape shape{c_.num_heads, c_.d_kv, false, nullptr, c_.inner(), 2 * c_.inner()};
    attention_backward(stream_, {shape, cross_, state.q, state.k, state.v, dcontext, dq, dk, dv, nullptr});
    weight_gradient({params.q}, {decoder_.sums, state.norm.y, dq});
    weight_gradient({params.k, 2}, {encoder_.sums, f_.encoder_output(), dk});
    data_gradient(encoder_, {params.k, 2}, {dk, d_encoder_output, true});
    data_gradient(decoder_, {params.q}, {dq, dnorm});
    norm({state.norm, params.norm}, decoder_, {dnorm, dx});
  }

  void finish_bias(const SelfAttention& self, int param) {
    position_bias_weight(stream_, {decoder_.rows, c_.buckets(!self.causal), c_.num_heads, self.bias.reach, self.dbias,
                                   squared_, target(param)});
  }

  // Computes the embedding's gradient. The inputs of both stacks and, where the head is tied, the head contribute to
  // it, and are summed before the square.
  void embeddings(const float* dlogits, float* encoder_dx, float* decoder_dx) {
    const int64_t d = c_.d_model;
    const TokenRuns runs =
        token_runs(d, {encoder_sums_, f_.batch.input_ids, encoder_dx}, {decoder_sums_, f_.decoder_ids, decoder_dx});
    const SparseRows inputs{stream_.upload(runs.total), static_cast<int64_t>(runs.total.size())};
    embedding_backward(stream_, {d, inputs.count, stream_.upload(runs.rows), stream_.upload(runs.first)});
    weight_gradient({f_.model.head}, {decoder_.sums, f_.head_input(), dlogits, c_.tied ? &inputs : nullptr});
    if (!c_.tied) squared_rows(stream_, {decoder_.sums, inputs, d, squared_, target(f_.model.shared)});
  }

  const Forward& f_;
  const Config& c_;
  Stream& stream_;
  Arena& arena_;
  const bool squared_;
  float* target_;
  const GradientRows rows_;
  const SegmentTable encoder_sums_, decoder_sums_;
  const Side encoder_, decoder_;
  const AttentionSpans encoder_self_, decoder_self_, cross_;
};

}  // namespace

void backward(const Forward& forward, const Gradients& gradients) {
  if (!forward.logits()) fail("INVALID_ARGUMENT", "the backward pass needs a forward pass that kept its logits");
  if (!gradients.terms.empty()) Backward(forward, gradients).run();
}

}  // namespace dfmerge::t5
