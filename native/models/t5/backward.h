// Backward over many gradients at once: each is one input with some of its choices, and each is squared on its own (or
// all are summed).
#pragma once
#include "models/t5/forward.h"

namespace dfmerge {

// One gradient: g = sum_c seed_c grad(-NLL_c) over a contiguous range of an input's choices.
struct GradientTerm {
  int64_t input;
  int64_t first_choice;      // index into the batch's choices
  std::vector<float> seeds;  // one per choice of the range
  float weight;              // of g^2 (or of g)
};

enum class Accumulate { kSquares, kSum };

// target[p] += sum over terms of weight g_p^2 (kSquares) or weight g_p (kSum, only for terms that cover every decoder
// row in order). forward: kept, with logits. Parameters used in several places get the sum of their gradients before
// the square.
void backward(Forward& forward, const std::vector<GradientTerm>& terms, Accumulate accumulate, float* target);

}  // namespace dfmerge
