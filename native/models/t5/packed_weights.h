// The weights of one candidate as matrix products take them: packed once, read by every batch.
#pragma once
#include <map>

#include "cpu/context.h"
#include "models/t5/model.h"

namespace dfmerge {

// A forward pass takes W^T of every product. In float32 it is the same for all passes, as large as the parameters; in
// bfloat16 a pass under gradients is exact and a scoring pass is for the most part not (t5/forward.h), so that each has
// its own, one at a time in the same memory. A backward pass takes W: in float32 packed as it goes, which is only a
// copy; in bfloat16 packed here, as much of it as 512 MiB hold, the head and the decoder first, where few rows meet a
// weight. oneDNN packs whole matrices and takes W here too.
class PackedWeights {
 public:
  PackedWeights(const Context& context, const T5Model& model);
  // Packs what a pass wants and is not packed since forget().
  void prepare(Context& context, const float* theta, bool gradients);
  void forget() { forward_ = nullptr, backward_ready_ = false; }  // theta has changed
  int64_t bytes() const { return forward_memory_.bytes() + backward_memory_.bytes(); }

  // W^T [in, out] and W [out, in] of a parameter W [out, in], with those that adjoin where a product takes them
  // together; null where a product packs it itself. exact: for a product of exact operands (ops/matmul.h). Of the pass
  // that was prepared last.
  const float* forward(int param, bool exact) const {
    return forward_ ? forward_->of(forward_memory_, param, exact) : nullptr;
  }
  const float* backward(int param) const {
    return backward_ready_ ? backward_side_.of(backward_memory_, param, false) : nullptr;
  }

 private:
  struct Matrix {
    int64_t out, in, offset;
    bool exact;
  };
  struct Side {
    bool transpose = false;
    std::map<int, Matrix> matrices;       // by the first parameter
    int64_t size = 0, limit = INT64_MAX;  // words; a weight that would pass the limit is left out
    const float* of(const Buffer& memory, int param, bool exact) const;
  };
  void add(const Context& context, Side& side, int param, int adjoining, bool exact);
  void pack(Context& context, const float* theta, const Side& side, Buffer& memory);

  const T5Model& model_;
  const bool rounded_;
  Side scoring_, under_gradients_, backward_side_;  // in float32 `scoring_` stands for both
  Buffer forward_memory_, backward_memory_;         // taken when first packed
  const Side* forward_ = nullptr;                   // what forward_memory_ holds
  bool backward_ready_ = false;
};

}  // namespace dfmerge
