// T5's backward pass over many gradients at once: each is one input with some of its choices, and each is squared on
// its own (or all are summed).
#pragma once
#include "models/t5/forward.h"

namespace dfmerge::t5 {

struct Gradients {
  const std::vector<GradientTerm>& terms;
  Accumulate accumulate;
  float* target;  // of all parameters
};

// As Pass::backward; the forward pass was kept, with its logits.
void backward(const Forward& forward, const Gradients& gradients);

}  // namespace dfmerge::t5
