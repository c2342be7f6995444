// Makes a Fisher whole: F = F / N + epsilon of the sum over N inputs (paper eq. 2). With a fold it is added to the
// merge in the same sweep, so that it is read from memory once.
//
//   sources  with a fold: base, model; else none
//   targets  with a fold: F, numerator, denominator; else F
#pragma once
#include <optional>

#include "merge/fold.h"

namespace dfmerge {

class FinishFisherKernel : public Kernel {
 public:
  FinishFisherKernel(float inputs, float epsilon, std::optional<FoldKernel> fold)
      : inputs_(inputs), epsilon_(epsilon), fold_(fold) {}
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;

 private:
  float inputs_, epsilon_;
  std::optional<FoldKernel> fold_;  // a weighted one, by this F
};

}  // namespace dfmerge
