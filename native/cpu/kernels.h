// The table of CPU kernels. There is one per instruction set, and all are compiled from the same two sources:
// row_kernels.cc and matmul_kernels.cc.
#pragma once
#include <cstdint>

#include "cpu/matmul_kernels.h"

namespace dfmerge {

// ---- Operands. A kernel with more than three of them takes them as one struct, by value: a kernel then owns the
// struct, so that the compiler knows that what a loop stores cannot change it. All rows are of n elements.

// y = weight x r with r = 1 / sqrt(mean(x^2) + epsilon).
struct NormRow {
  float* y;
  const float *x, *weight;
  float epsilon;
  int64_t n;
};
// dx += r (weight dy) - x r^3 / n * sum(x weight dy)
struct NormRowBackward {
  float* dx;
  const float *dy, *x, *weight;
  float r;
  int64_t n;
};
// A row x with a factor, which each kernel uses in its own way.
struct ScaledRow {
  float* out;
  const float* x;
  float factor;
  int64_t n;
};
// out += (a b) factor
struct ScaledProduct {
  float* out;
  const float *a, *b;
  float factor;
  int64_t n;
};
// out = exp(x - shift) factor
struct ScaledExponentials {
  float* out;
  const float* x;
  float shift, factor;
  int64_t n;
};
// y = gelu_new(gate) linear
struct GatedRow {
  float* y;
  const float *gate, *linear;
  int64_t n;
};
struct GatedRowBackward {
  float *dgate, *dlinear;
  const float *dy, *gate, *linear;
  int64_t n;
};

// Where a pass over n parameters puts its results. `stream` writes them past the caches, for vectors that no cache
// holds.
struct ParameterTarget {
  float* out;
  int64_t n;
  bool stream;
};
// out = base + coefficient (model - base)
struct Interpolation {
  ParameterTarget target;
  const float *base, *model;
  float coefficient;
};
// numerator += (fisher coefficient) (model - base), denominator += fisher. A null fisher stands for 1 everywhere.
struct FoldOperands {
  float *numerator, *denominator;
  const float *fisher, *base, *model;
  float coefficient;
  int64_t n;
};
// out = (models numerator) / denominator + base
struct FinishOperands {
  ParameterTarget target;
  const float *numerator, *denominator, *base;
  float models;
};
// x = x / divisor + addend
struct DivideAdd {
  float* x;
  float divisor, addend;
  int64_t n;
};
// One step of AdamW. mean_rate and square_rate are 1 - beta1 and 1 - beta2. The caller computes them in float64 and
// rounds once, because 1 - 0.999f has a relative error of 5e-5.
struct AdamWStep {
  float *parameter, *mean, *square;
  const float* gradient;
  float decay, mean_rate, beta2, square_rate, step_size, root_correction, epsilon;
  int64_t n;
};

struct Kernels {
  const char* name;
  // One table multiplies float32 operands, the other operands that are rounded to bfloat16.
  const MatmulKernels* float_matmul;
  const MatmulKernels* bf16_matmul;

  // ---- Rows of activations.

  float (*rms_norm)(NormRow o);  // returns r
  void (*rms_norm_backward)(NormRowBackward o);
  void (*softmax)(float* x, int64_t n);                            // in place
  float (*exp_sum)(const float* x, float maximum, int64_t n);      // sum_i exp(x_i - maximum)
  void (*softmax_backward)(float* dp, const float* p, int64_t n);  // dp <- p (dp - sum(dp p)): gradient of the scores
  float (*maximum)(const float* x, int64_t n);
  float (*dot)(const float* a, const float* b, int64_t n);
  void (*add)(float* out, const float* x, int64_t n);  // out += x
  void (*add_scaled)(ScaledRow o);                     // out += factor x
  void (*add_product)(ScaledProduct o);
  void (*add_weighted_square)(ScaledRow o);  // out += factor (x x)
  void (*scale)(float* x, float factor, int64_t n);
  void (*exp_scale)(ScaledExponentials o);
  void (*relu)(float* x, int64_t n);
  void (*relu_backward)(float* dx, const float* y, int64_t n);  // dx <- y > 0 ? dx : 0
  void (*gated_gelu)(GatedRow o);
  void (*gated_gelu_backward)(GatedRowBackward o);

  // ---- Vectors of parameters, in the float order of the specification, without contraction or reordering. Functions
  // that return bool tell whether all values are finite.

  bool (*copy)(ParameterTarget target, const float* in);
  bool (*interpolate)(Interpolation o);
  void (*fold)(FoldOperands o);
  bool (*finish)(FinishOperands o);
  void (*divide_add)(DivideAdd o);
  void (*adamw)(AdamWStep o);
  bool (*all_finite)(const float* x, int64_t n);

  // ---- Conversions from and to the dtypes on disk.

  void (*from_bf16)(float* out, const uint16_t* in, int64_t n);
  void (*to_bf16)(uint16_t* out, const float* in, int64_t n);
  void (*from_f16)(float* out, const uint16_t* in, int64_t n);
  void (*to_f16)(uint16_t* out, const float* in, int64_t n);
};

}  // namespace dfmerge
