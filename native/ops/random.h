// Random numbers for parameters.
#pragma once
#include "device.h"

namespace dfmerge {

// x[i] is `deviation` times a standard normal number that depends on (seed, stream, i) alone.
struct FillNormal {
  float* x;
  int64_t size;
  double deviation;
  uint64_t seed, stream;
};

namespace cpu {
void fill_normal(Context& context, const FillNormal& o);
}

inline constexpr Op<cpu::fill_normal> fill_normal;

}  // namespace dfmerge
