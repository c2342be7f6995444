// Matrix products: C[m, n] (+)= A[m, k] B[k, n]. Operands are float32 in memory, are multiplied in the device's compute
// dtype and are summed in float32. They are strided views, so that a transpose costs nothing to state:
// a weight W[out, in] is {W, in, 1}, and its transpose [in, out] is {W, 1, in}.
#pragma once
#include "device.h"

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

// The matrix C, whose rows are `stride` floats apart.
struct Product {
  float* data;
  int64_t stride;
};

// How the operands are read.
struct Reading {
  const float* packed = nullptr;  // B as ops/weights.h gives it; null where it is not packed
  bool exact = false;             // operands stay float32 whatever the device computes in
};

struct Matmul {
  Extents size;
  Matrix a, b;
  Product c;
  Reading reading = {};
  bool accumulate = false;  // adds to C instead of overwriting it
};

namespace cpu {
void matmul(Context& context, const Matmul& o);
}

inline constexpr Op<cpu::matmul> matmul;

}  // namespace dfmerge
