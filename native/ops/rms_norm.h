// T5's layer norm: y = w x r, r = 1 / sqrt(mean(x^2) + eps); no mean, no bias.
#pragma once
#include "ops/squared_outer.h"

namespace dfmerge {

// x, y [rows, d]; r [rows].
void rms_norm(Context& context, int64_t rows, int64_t d, const float* x, const float* weight, float epsilon, float* y,
              float* r);

struct RmsNormBackward {
  const float* x;       // [forward_rows, d]
  const float* r;       // [forward_rows]
  const float* weight;  // [d]
  const float* dy;      // [rows, d]
  float* dx;            // [rows, d], added to
};
// Row t of segment s stands on forward row segments.forward[s] + t - segments.gradient[s].
void rms_norm_backward(Context& context, const Segments& segments, int64_t d, const RmsNormBackward& operands);
// target[d] += sum_s weight_s g^2 (or g), g = sum_t dy_t x_t r_t.
void rms_norm_weight(Context& context, const Segments& segments, int64_t d, const RmsNormBackward& operands,
                     bool squared, float* target);

}  // namespace dfmerge
