#include <cstring>

#include "merge/zero.h"

namespace dfmerge {

void ZeroKernel::apply(Context&, const Chunk& chunk, const Sums&) const {
  for (int i = 0; i < targets_; ++i) std::memset(chunk.targets[i], 0, static_cast<size_t>(chunk.range.count) * 4);
}

}  // namespace dfmerge
