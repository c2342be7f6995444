#include "t5/packed_weights.h"

#include "ops/matmul.h"

namespace dfmerge {

PackedWeights::PackedWeights(const Context& context, const T5Model& model) : model_(model) {
  const auto& table = model.table;
  for (Side* side : {&forward_, &backward_}) side->offset.assign(static_cast<size_t>(table.count()), -1);
  const auto add = [&](int param, int adjoining) {
    const int64_t out = table[param].shape[0] * adjoining, in = table[param].shape[1];
    matrices_.push_back({param, out, in});
    forward_.offset[param] = forward_.size;
    forward_.size += packed_size(context, out, in);
    if (context.compute == Compute::kFloat32 && !context.onednn) return;
    backward_.offset[param] = backward_.size;
    backward_.size += packed_size(context, in, out);
  };
  const auto add_feed_forward = [&](const FeedForwardParams& p) {
    add(p.gate, model.config.gated ? 2 : 1);
    add(p.wo, 1);
  };
  for (const EncoderLayer& layer : model.encoder) {
    add(layer.self.q, 3);
    add(layer.self.o, 1);
    add_feed_forward(layer.feed_forward);
  }
  for (const DecoderLayer& layer : model.decoder) {
    add(layer.self.q, 3);
    add(layer.self.o, 1);
    add(layer.cross.q, 1);
    add(layer.cross.k, 2);
    add(layer.cross.o, 1);
    add_feed_forward(layer.feed_forward);
  }
  add(model.head, 1);
}

void PackedWeights::pack(Context& context, const float* theta, Side& side, bool transpose) {
  if (side.ready) return;
  if (side.memory.bytes() == 0) side.memory = Buffer(side.size);
  for (const auto& [param, out, in] : matrices_) {
    if (side.offset[param] < 0) continue;
    context.check_stop();
    const float* weight = theta + model_.table[param].offset;
    float* packed = side.memory.data() + side.offset[param];
    if (transpose)
      pack_matrix(context, out, in, transposed(weight, in), packed);
    else
      pack_matrix(context, in, out, row_major(weight, in), packed);
  }
  side.ready = true;
}

void PackedWeights::prepare(Context& context, const float* theta, bool backward) {
  pack(context, theta, forward_, true);
  if (backward) pack(context, theta, backward_, false);
}

}  // namespace dfmerge
