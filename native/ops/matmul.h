// C[m, n] (+)= A[m, k] B[k, n], float32. Operands are strided views, so that transposes cost nothing to state:
// a weight W[out, in] is {W, in, 1}; its transpose [in, out] is {W, 1, in}.
#pragma once
#include "cpu/context.h"

namespace dfmerge {

struct Matrix {
  const float* data;
  int64_t row_stride, column_stride;
};

inline Matrix row_major(const float* data, int64_t columns) { return {data, columns, 1}; }
inline Matrix transposed(const float* data, int64_t columns) { return {data, 1, columns}; }

struct Extents {
  int64_t m, n, k;
};

// On all threads. C is [m, n] with rows ldc floats apart.
void matmul(Context& context, Extents size, Matrix a, Matrix b, float* c, int64_t ldc, bool accumulate = false);
// On the calling thread, for the small products inside attention; packs into `scratch`.
void matmul_local(const Kernels& kernels, Arena& scratch, Extents size, Matrix a, Matrix b, float* c, int64_t ldc, bool accumulate = false);

}  // namespace dfmerge
