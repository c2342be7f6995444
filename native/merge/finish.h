// The end of a unified merge (paper eq. 7): theta = (M numerator) / denominator + base with M models, in float32 in
// this order of operations.
//
//   sources  numerator, denominator, base
//   targets  theta
#pragma once
#include "merge/kernel.h"

namespace dfmerge {

class FinishKernel : public Kernel {
 public:
  explicit FinishKernel(int models) : models_(static_cast<float>(models)) {}
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;

 private:
  float models_;
};

}  // namespace dfmerge
