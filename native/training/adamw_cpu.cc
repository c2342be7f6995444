#include <cstring>

#include "training/adamw.h"

namespace dfmerge {

void AdamWKernel::apply(Context& context, const Chunk& chunk, const Sums&) const {
  const int64_t count = chunk.range.count;
  float* gradient = chunk.targets[3];
  if (!context.kernels.all_finite(gradient, count))
    fail("NUMERIC", "the gradient of %s is not finite", chunk.name.c_str());
  context.kernels.adamw({chunk.targets[0], chunk.targets[1], chunk.targets[2], gradient, decay_, mean_rate_, beta2_,
                         square_rate_, step_size_, root_correction_, epsilon_, count});
  std::memset(gradient, 0, static_cast<size_t>(count) * 4);
}

}  // namespace dfmerge
