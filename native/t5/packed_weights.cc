#include "t5/packed_weights.h"

#include "ops/matmul.h"

namespace dfmerge {

PackedWeights::PackedWeights(const Context& context, const T5Model& model) : model_(model) {
  const auto& table = model.table;
  for (Side* side : {&forward_, &backward_}) side->offset.assign(static_cast<size_t>(table.count()), -1);
  for (int p = 0; p < table.count(); ++p) {
    const auto& shape = table[p].shape;
    const bool looked_up = p == model.encoder_bias || p == model.decoder_bias || (p == model.shared && p != model.head);
    if (shape.size() != 2 || looked_up) continue;
    forward_.offset[p] = forward_.size;
    forward_.size += packed_size(context, shape[0], shape[1]);
    if (context.compute == Compute::kFloat32 && !context.onednn) continue;
    backward_.offset[p] = backward_.size;
    backward_.size += packed_size(context, shape[1], shape[0]);
  }
}

void PackedWeights::pack(Context& context, const float* theta, Side& side, bool transpose) {
  if (side.ready) return;
  if (side.memory.bytes() == 0) side.memory = Buffer(side.size);
  for (int p = 0; p < model_.table.count(); ++p) {
    if (side.offset[p] < 0) continue;
    context.check_stop();
    const auto& shape = model_.table[p].shape;
    const float* weight = theta + model_.table[p].offset;
    float* packed = side.memory.data() + side.offset[p];
    if (transpose)
      pack_matrix(context, shape[0], shape[1], transposed(weight, shape[1]), packed);
    else
      pack_matrix(context, shape[1], shape[0], row_major(weight, shape[1]), packed);
  }
  side.ready = true;
}

void PackedWeights::prepare(Context& context, const float* theta, bool backward) {
  pack(context, theta, forward_, true);
  if (backward) pack(context, theta, backward_, false);
}

}  // namespace dfmerge
