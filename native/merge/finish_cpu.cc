#include "merge/finish.h"

namespace dfmerge {

void FinishKernel::apply(Context& context, const Chunk& chunk, const Sums&) const {
  if (!context.kernels.finish({{chunk.targets[0], chunk.range.count, chunk.streaming},
                               chunk.sources[0],
                               chunk.sources[1],
                               chunk.sources[2],
                               models_}))
    fail("NUMERIC", "merging %s gives a value that is not finite", chunk.name.c_str());
}

}  // namespace dfmerge
