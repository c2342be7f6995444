// target = 0, for every target.
#pragma once
#include "merge/kernel.h"

namespace dfmerge {

class ZeroKernel : public Kernel {
 public:
  explicit ZeroKernel(int targets) : targets_(targets) {}
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;

 private:
  int targets_;
};

}  // namespace dfmerge
