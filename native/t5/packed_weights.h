// The weights of one candidate as matrix products take them: packed once, read by every batch.
#pragma once
#include <vector>

#include "cpu/context.h"
#include "t5/model.h"

namespace dfmerge {

// The forward pass multiplies by W^T, whose packing is a transposition; the backward pass by W, which float32 products pack as they go at the
// price of a copy, and bfloat16 products would have to round anew. Either way what is held here is as large as the parameters; with oneDNN,
// which packs whole matrices, float32 takes twice that.
class PackedWeights {
 public:
  PackedWeights(const Context& context, const T5Model& model);
  // Packs what is not packed since forget(): for a forward pass, or for both.
  void prepare(Context& context, const float* theta, bool backward);
  void forget() { forward_.ready = backward_.ready = false; }  // theta has changed
  int64_t bytes() const { return forward_.memory.bytes() + backward_.memory.bytes(); }

  // W^T [in, out] and W [out, in] of a parameter W [out, in], with those that adjoin where a product takes them together, as matmul's
  // b_packed; null where a product packs it itself.
  const float* forward(int param) const { return forward_.of(param); }
  const float* backward(int param) const { return backward_.of(param); }

 private:
  struct Side {
    std::vector<int64_t> offset;  // per parameter; negative: not packed, or with the one before
    int64_t size = 0;             // words
    Buffer memory;                // taken when first packed
    bool ready = false;
    const float* of(int param) const { return ready && offset[param] >= 0 ? memory.data() + offset[param] : nullptr; }
  };
  void pack(Context& context, const float* theta, Side& side, bool transpose);

  struct Matrix {
    int param;  // the first
    int64_t out, in;
  };
  const T5Model& model_;
  std::vector<Matrix> matrices_;
  Side forward_, backward_;
};

}  // namespace dfmerge
