#include "merge/copy.h"

namespace dfmerge {

void CopyKernel::apply(Context& context, const Chunk& chunk, const Sums&) const {
  if (!context.kernels.copy({chunk.targets[0], chunk.range.count, chunk.streaming}, chunk.sources[0]))
    fail("NUMERIC", "%s holds a value that is not finite", chunk.name.c_str());
}

}  // namespace dfmerge
