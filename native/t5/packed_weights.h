// The weights of one candidate as matrix products take them: packed once, read by every batch.
#pragma once
#include <map>

#include "cpu/context.h"
#include "t5/model.h"

namespace dfmerge {

// In float32: W^T of every product of a forward pass, as large as the parameters; a backward pass multiplies by W, whose packing as it goes is
// only a copy. In bfloat16: for scoring as well W^T, some of them exact, and for passes with gradients W; the forward pass under gradients is
// exact and packs as it goes. With oneDNN, which packs whole matrices, float32 takes both.
class PackedWeights {
 public:
  PackedWeights(const Context& context, const T5Model& model);
  // Packs what a pass wants and is not packed since forget().
  void prepare(Context& context, const float* theta, bool gradients);
  void forget() { forward_.ready = backward_.ready = false; }  // theta has changed
  int64_t bytes() const { return forward_.memory.bytes() + backward_.memory.bytes(); }

  // W^T [in, out] and W [out, in] of a parameter W [out, in], with those that adjoin where a product takes them together; null where a product
  // packs it itself. exact: for a product of exact operands (ops/matmul.h).
  const float* forward(int param, bool exact) const { return forward_.of(param, exact); }
  const float* backward(int param) const { return backward_.of(param, false); }

 private:
  struct Matrix {
    int64_t out, in, offset;
    bool exact;
  };
  struct Side {
    bool transpose = false;
    std::map<int, Matrix> matrices;  // by the first parameter
    int64_t size = 0;                // words
    Buffer memory;                   // taken when first packed
    bool ready = false;
    const float* of(int param, bool exact) const;
  };
  void pack(Context& context, const float* theta, Side& side);

  const T5Model& model_;
  const bool rounded_;
  Side forward_, backward_;
};

}  // namespace dfmerge
