#include "merge/interpolate.h"

namespace dfmerge {

void InterpolateKernel::apply(Context& context, const Chunk& chunk, const Sums&) const {
  if (!context.kernels.interpolate(
          {{chunk.targets[0], chunk.range.count, chunk.streaming}, chunk.sources[0], chunk.sources[1], coefficient_}))
    fail("NUMERIC", "%s holds a value that is not finite", chunk.name.c_str());
}

}  // namespace dfmerge
