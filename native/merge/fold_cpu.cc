#include "merge/fold.h"

namespace dfmerge {

void FoldKernel::apply(Context& context, const Chunk& chunk, const Sums&) const {
  context.kernels.fold({chunk.targets[0], chunk.targets[1], weighted_ ? chunk.sources[2] : nullptr, chunk.sources[0],
                        chunk.sources[1], coefficient_, chunk.range.count});
}

}  // namespace dfmerge
