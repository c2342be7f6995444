#include <cmath>
#include <cstring>

#include "fisher/load.h"

namespace dfmerge {

void LoadFisherKernel::apply(Context&, const Chunk& chunk, const Sums&) const {
  const float* values = chunk.sources[0];
  for (int64_t i = 0; i < chunk.range.count; ++i)
    if (!(values[i] >= 0.0f) || !std::isfinite(values[i]))
      fail("NUMERIC", "the Fisher of %s holds %g at element %lld: expected a finite number of at least 0",
           chunk.name.c_str(), values[i], static_cast<long long>(chunk.range.first + i));
  std::memcpy(chunk.targets[0], values, static_cast<size_t>(chunk.range.count) * 4);
}

}  // namespace dfmerge
