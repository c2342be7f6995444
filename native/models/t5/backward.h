// T5's backward pass over many gradients at once. Each of them is that of one input with some of its choices, and each
// is squared on its own, unless all are summed.
#pragma once
#include "models/t5/forward.h"

namespace dfmerge::t5 {

struct Gradients {
  const std::vector<GradientTerm>& terms;
  Accumulate accumulate;
  float* target;  // of all parameters, added to
};

// Does what Pass::backward says. The forward pass must have kept its activations and logits.
void backward(const Forward& forward, const Gradients& gradients);

}  // namespace dfmerge::t5
