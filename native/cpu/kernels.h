// The table of CPU kernels. There is one per instruction set, and all are compiled from the same two sources:
// row_kernels.cc and matmul_kernels.cc. Arguments are pointers and lengths, as in BLAS.
#pragma once
#include <cstdint>

#include "cpu/matmul_kernels.h"

namespace dfmerge {

struct Kernels {
  const char* name;
  // One table multiplies float32 operands, the other operands that are rounded to bfloat16.
  const MatmulKernels* float_matmul;
  const MatmulKernels* bf16_matmul;

  // ---- Rows of activations, of d or n elements.

  // y = weight x r; returns r = 1 / sqrt(mean(x^2) + epsilon).
  float (*rms_norm)(float* y, const float* x, const float* weight, float epsilon, int64_t d);
  // dx += r (w dy) - x r^3 / d * sum(x w dy)
  void (*rms_norm_backward)(float* dx, const float* dy, const float* x, const float* weight, float r, int64_t d);
  void (*softmax)(float* x, int64_t n);                            // in place
  float (*exp_sum)(const float* x, float maximum, int64_t n);      // sum_i exp(x_i - maximum)
  void (*softmax_backward)(float* dp, const float* p, int64_t n);  // dp <- p (dp - sum(dp p)): gradient of the scores
  float (*maximum)(const float* x, int64_t n);
  void (*add)(float* out, const float* x, int64_t n);                                       // out += x
  void (*add_scaled)(float* out, const float* x, float scale, int64_t n);                   // out += scale x
  void (*add_product)(float* out, const float* a, const float* b, float scale, int64_t n);  // out += (a b) scale
  void (*add_weighted_square)(float* out, const float* x, float weight, int64_t n);         // out += weight (x x)
  void (*scale)(float* x, float factor, int64_t n);
  void (*exp_scale)(float* out, const float* x, float shift, float factor, int64_t n);  // out = exp(x - shift) * factor
  void (*relu)(float* x, int64_t n);
  void (*relu_backward)(float* dx, const float* y, int64_t n);                      // dx <- y > 0 ? dx : 0
  void (*gated_gelu)(float* y, const float* gate, const float* linear, int64_t n);  // y = gelu_new(gate) linear
  void (*gated_gelu_backward)(float* dgate, float* dlinear, const float* dy, const float* gate, const float* linear,
                              int64_t n);

  // ---- Vectors of parameters, in the float order of the specification, without contraction or reordering.

  // Functions that return bool tell whether all values are finite. `stream` writes past the caches, for vectors that no
  // cache holds.
  bool (*copy)(float* out, const float* in, int64_t n, bool stream);
  bool (*interpolate)(float* out, const float* base, const float* model, float coefficient, int64_t n, bool stream);
  // numerator += (fisher coefficient) (model - base), denominator += fisher. A null fisher stands for 1 everywhere.
  void (*fold)(float* numerator, float* denominator, const float* fisher, const float* base, const float* model,
               float coefficient, int64_t n);
  bool (*finish)(float* out, const float* numerator, const float* denominator, const float* base, float models,
                 int64_t n, bool stream);
  void (*divide_add)(float* x, float divisor, float addend, int64_t n);  // x <- x / divisor + addend
  // mean_rate and square_rate are 1 - beta1 and 1 - beta2. The caller computes them in float64 and rounds once, because
  // 1 - 0.999f has a relative error of 5e-5.
  void (*adamw)(float* p, float* m, float* v, const float* g, float decay, float mean_rate, float beta2,
                float square_rate, float step_size, float root_correction, float epsilon, int64_t n);
  bool (*all_finite)(const float* x, int64_t n);

  // ---- Conversions from and to the dtypes on disk.

  void (*from_bf16)(float* out, const uint16_t* in, int64_t n);
  void (*to_bf16)(uint16_t* out, const float* in, int64_t n);
  void (*from_f16)(float* out, const uint16_t* in, int64_t n);
  void (*to_f16)(uint16_t* out, const float* in, int64_t n);
};

}  // namespace dfmerge
