#include "t5/packed_weights.h"

#include "ops/matmul.h"

namespace dfmerge {

PackedWeights::PackedWeights(const Context& context, const T5Model& model) : model_(model), rounded_(context.compute == Compute::kBfloat16) {
  forward_.transpose = true;
  const auto add = [&](Side& side, int param, int adjoining, bool exact) {
    const int64_t out = model.table[param].shape[0] * adjoining, in = model.table[param].shape[1];
    side.matrices[param] = {out, in, side.size, exact};
    side.size += side.transpose ? packed_size(context, out, in, exact) : packed_size(context, in, out, exact);
  };
  const bool both = rounded_ || context.onednn;
  const auto add_both = [&](int param, int adjoining) {
    add(forward_, param, adjoining, false);
    if (both) add(backward_, param, adjoining, false);
  };
  // As Forward::project_keys takes them.
  const auto add_keys = [&](int param, int adjoining) {
    if (!rounded_) return add_both(param, adjoining);
    const int exact = adjoining > 1 ? adjoining - 1 : 1;
    add(forward_, param, exact, true);
    if (adjoining > exact) add(forward_, param + exact, 1, false);
    add(backward_, param, adjoining, false);
  };
  const auto add_feed_forward = [&](const FeedForwardParams& p) {
    add_both(p.gate, model.config.gated ? 2 : 1);
    add_both(p.wo, 1);
  };
  for (const EncoderLayer& layer : model.encoder) {
    add_keys(layer.self.q, 3);
    add_both(layer.self.o, 1);
    add_feed_forward(layer.feed_forward);
  }
  for (const DecoderLayer& layer : model.decoder) {
    add_keys(layer.self.q, 3);
    add_both(layer.self.o, 1);
    add_keys(layer.cross.q, 1);
    add_keys(layer.cross.k, 2);
    add_both(layer.cross.o, 1);
    add_feed_forward(layer.feed_forward);
  }
  add_both(model.head, 1);
}

void PackedWeights::pack(Context& context, const float* theta, Side& side) {
  if (side.ready || side.size == 0) return;
  if (side.memory.bytes() == 0) side.memory = Buffer(side.size);
  for (const auto& [param, matrix] : side.matrices) {
    context.check_stop();
    const float* weight = theta + model_.table[param].offset;
    float* packed = side.memory.data() + matrix.offset;
    if (side.transpose)
      pack_matrix(context, matrix.out, matrix.in, transposed(weight, matrix.in), packed, matrix.exact);
    else
      pack_matrix(context, matrix.in, matrix.out, row_major(weight, matrix.in), packed, matrix.exact);
  }
  side.ready = true;
}

void PackedWeights::prepare(Context& context, const float* theta, bool gradients) {
  if (!(gradients && rounded_)) pack(context, theta, forward_);
  if (gradients) pack(context, theta, backward_);
}

const float* PackedWeights::Side::of(int param, bool exact) const {
  const auto found = matrices.find(param);
  return ready && found != matrices.end() && found->second.exact == exact ? memory.data() + found->second.offset : nullptr;
}

}  // namespace dfmerge
