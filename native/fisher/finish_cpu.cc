#include "fisher/finish.h"

namespace dfmerge {

void FinishFisherKernel::apply(Context& context, const Chunk& chunk, const Sums& sums) const {
  float* fisher = chunk.targets[0];
  context.kernels.divide_add({fisher, inputs_, epsilon_, chunk.range.count});
  if (!context.kernels.all_finite(fisher, chunk.range.count))
    fail("NUMERIC", "the Fisher of %s is not finite", chunk.name.c_str());
  if (!fold_) return;
  const float* const sources[] = {chunk.sources[0], chunk.sources[1], fisher};
  fold_->apply(context, {chunk.name, chunk.range, sources, chunk.targets + 1, chunk.streaming}, sums);
}

}  // namespace dfmerge
