// theta = base + lambda (model - base), in float32 in this order of operations.
//
//   sources  base, model
//   targets  theta
#pragma once
#include "merge/kernel.h"

namespace dfmerge {

class InterpolateKernel : public Kernel {
 public:
  explicit InterpolateKernel(float coefficient) : coefficient_(coefficient) {}
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;

 private:
  float coefficient_;
};

}  // namespace dfmerge
