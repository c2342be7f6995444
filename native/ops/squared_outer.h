// The gradient of a weight W [out, in] from y = x W^T, consumed as it is made. A Fisher squares the gradient of every
// segment (one input and choice) on its own, so that it needs each of them, but never two at once and never in memory:
// a tile of the product dY_s^T X_s is squared and added to the target while it is still in registers, segment after
// segment, and only then does the kernel move on to the next tile.
//
//            in                 for every tile of the target [out, in]:
//         +------+------+         for every segment s, in order:
//     out |  tile|      |           g = dY_s^T X_s (+ extra_s)       rows of segment s only
//         +------+------+           target += weight_s g^2           (or, unless squared, weight_s g)
//         |      |      |
//         +------+------+
//
// In formulas (paper eq. 2-3), with f(t) the forward row of gradient row t:
//   g_s[o, i] = sum_{t in s} dy[t, o] x[f(t), i] + extra_s[o, i]
//   target[o, i] += sum_s weight_s g_s[o, i]^2          (squared: the Fisher)
//   target[o, i] += sum_s weight_s g_s[o, i]            (else: training)
#pragma once
#include "ops/segments.h"

namespace dfmerge {

struct SquaredOuter {
  const Segments& segments;
  int64_t out, in;
  const float* x;  // [forward rows, in], rows ldx floats apart
  int64_t ldx;
  const float* dy;  // [rows, out], rows ldy floats apart
  int64_t ldy;
  const SparseRows* extra;  // null where nothing is added
  bool squared;
  float* target;  // [out, in], contiguous
};

// target[row] += weight_s values^2 (or, unless squared, weight_s values) for the sparse rows alone, each `width` wide.
// This is the gradient of an embedding that is not tied to the head.
struct SquaredRows {
  const Segments& segments;
  const SparseRows& rows;
  int64_t width;
  bool squared;
  float* target;
};

namespace cpu {
void squared_outer(Context& context, const SquaredOuter& o);
void squared_rows(Context& context, const SquaredRows& o);
}  // namespace cpu

inline constexpr Op<cpu::squared_outer> squared_outer;
inline constexpr Op<cpu::squared_rows> squared_rows;

}  // namespace dfmerge
