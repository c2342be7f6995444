#include "models/t5/packed_weights.h"

#include "ops/matmul.h"

namespace dfmerge {

namespace {
constexpr int64_t kBackwardWords = int64_t{1} << 27;  // 512 MiB
}

PackedWeights::PackedWeights(const Context& context, const T5Model& model)
    : model_(model), rounded_(context.compute == Compute::kBfloat16) {
  scoring_.transpose = under_gradients_.transpose = true;
  if (!context.onednn) backward_side_.limit = rounded_ ? kBackwardWords : 0;
  const auto add_all = [&](int param, int adjoining, bool exact) {
    add(context, scoring_, param, adjoining, false);
    if (rounded_) add(context, under_gradients_, param, adjoining, exact);
    add(context, backward_side_, param, adjoining, false);
  };
  // As Forward::project_keys takes them.
  const auto add_keys = [&](int param, int adjoining) {
    if (!rounded_) return add_all(param, adjoining, false);
    const int exact = adjoining > 1 ? adjoining - 1 : 1;
    add(context, scoring_, param, exact, true);
    if (adjoining > exact) add(context, scoring_, param + exact, 1, false);
    add(context, under_gradients_, param, adjoining, true);
    add(context, backward_side_, param, adjoining, false);
  };
  const auto add_feed_forward = [&](const FeedForwardParams& p) {
    add_all(p.gate, model.config.gated ? 2 : 1, true);
    add_all(p.wo, 1, true);
  };
  add_all(model.head, 1, false);
  for (const DecoderLayer& layer : model.decoder) {
    add_keys(layer.self.q, 3);
    add_all(layer.self.o, 1, true);
    add_keys(layer.cross.q, 1);
    add_keys(layer.cross.k, 2);
    add_all(layer.cross.o, 1, true);
    add_feed_forward(layer.feed_forward);
  }
  for (const EncoderLayer& layer : model.encoder) {
    add_keys(layer.self.q, 3);
    add_all(layer.self.o, 1, true);
    add_feed_forward(layer.feed_forward);
  }
}

void PackedWeights::add(const Context& context, Side& side, int param, int adjoining, bool exact) {
  const int64_t out = model_.table[param].shape[0] * adjoining, in = model_.table[param].shape[1];
  const int64_t size = side.transpose ? packed_size(context, out, in, exact) : packed_size(context, in, out, exact);
  if (side.size + size > side.limit) return;
  side.matrices[param] = {out, in, side.size, exact};
  side.size += size;
}

void PackedWeights::pack(Context& context, const float* theta, const Side& side, Buffer& memory) {
  if (memory.size() < side.size) {
    memory = Buffer();  // before more is taken
    memory = Buffer(side.size);
  }
  for (const auto& [param, matrix] : side.matrices) {
    context.check_stop();
    const float* weight = theta + model_.table[param].offset;
    float* packed = memory.data() + matrix.offset;
    if (side.transpose)
      pack_matrix(context, matrix.out, matrix.in, transposed(weight, matrix.in), packed, matrix.exact);
    else
      pack_matrix(context, matrix.in, matrix.out, row_major(weight, matrix.in), packed, matrix.exact);
  }
}

void PackedWeights::prepare(Context& context, const float* theta, bool gradients) {
  const Side& forward = gradients && rounded_ ? under_gradients_ : scoring_;
  if (forward_ != &forward) {
    forward_ = nullptr;  // also when stopped on the way
    pack(context, theta, forward, forward_memory_);
    forward_ = &forward;
  }
  if (gradients && backward_side_.size > 0 && !backward_ready_) {
    pack(context, theta, backward_side_, backward_memory_);
    backward_ready_ = true;
  }
}

const float* PackedWeights::Side::of(const Buffer& memory, int param, bool exact) const {
  const auto found = matrices.find(param);
  return found != matrices.end() && found->second.exact == exact ? memory.data() + found->second.offset : nullptr;
}

}  // namespace dfmerge
