// Copies a model as it lies in its files: target = source.
#pragma once
#include "merge/kernel.h"

namespace dfmerge {

class CopyKernel : public Kernel {
 public:
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;
};

}  // namespace dfmerge
