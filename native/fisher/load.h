// A Fisher as it lies in a file: target = source, where every element has to be a finite number of at least 0.
#pragma once
#include "merge/kernel.h"

namespace dfmerge {

class LoadFisherKernel : public Kernel {
 public:
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;
};

}  // namespace dfmerge
