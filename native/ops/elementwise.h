// Operations that treat each of `size` floats on its own.
#pragma once
#include "device.h"

namespace dfmerge {

struct Fill {
  float* x;
  int64_t size;
  float value = 0;
};
struct Copy {
  float* to;
  const float* from;  // does not overlap `to`
  int64_t size;
};
struct Scale {
  float* x;
  int64_t size;
  float factor;
};

namespace cpu {
void fill(Context& context, const Fill& o);
void copy(Context& context, const Copy& o);
void scale(Context& context, const Scale& o);
}  // namespace cpu

inline constexpr Op<cpu::fill> fill;
inline constexpr Op<cpu::copy> copy;
inline constexpr Op<cpu::scale> scale;

}  // namespace dfmerge
