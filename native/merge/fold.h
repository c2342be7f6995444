// Adds one model to a unified merge (paper eq. 7): numerator += (F lambda) (model - base), denominator += F, in float32
// in this order of operations. Without a Fisher F is 1 everywhere.
//
//   sources  base, model and, where weighted, the Fisher F
//   targets  numerator, denominator
#pragma once
#include "merge/kernel.h"

namespace dfmerge {

class FoldKernel : public Kernel {
 public:
  FoldKernel(float coefficient, bool weighted) : coefficient_(coefficient), weighted_(weighted) {}
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;

 private:
  float coefficient_;
  bool weighted_;
};

}  // namespace dfmerge
