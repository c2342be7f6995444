// C[m, n] (+)= A[m, k] B[k, n] with float32 accumulation; operands are float32 in memory and multiplied in the
// context's compute dtype. Operands are strided views, so that transposes cost nothing to state: a weight W[out, in] is
// {W, in, 1}; its transpose [in, out] is {W, 1, in}.
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

// How a product takes its operands. packed: B as pack_matrix left it, or null. exact: operands stay float32 whatever
// the context computes in.
struct Take {
  const float* packed = nullptr;
  bool exact = false;
};

// On all threads. C is [m, n] with rows ldc floats apart.
void matmul(Context& context, Extents size, Matrix a, Matrix b, float* c, int64_t ldc, bool accumulate = false,
            Take take = {});
// On the calling thread, for the small products inside attention; packs into `scratch`.
void matmul_local(const MatmulKernels& kernels, Arena& scratch, Extents size, Matrix a, Matrix b, float* c, int64_t ldc,
                  bool accumulate = false);

// B[k, n] of a product: a view, and the same packed by pack_matrix or null.
struct RightOperand {
  int64_t n;
  Matrix source;
  const float* packed;
};
struct Block {
  int64_t m0, m1, n0, n1;  // of C; the first ones multiples of a tile's rows and columns
};

// Rows of A packed once, for products that want C block by block; released with the object.
class PackedRows {
 public:
  PackedRows(Context& context, int64_t m, int64_t k, Matrix a);
  // c [m1 - m0, n1 - n0], rows ldc apart, on the calling thread; B is packed into `scratch` where it is not yet.
  void multiply(Arena& scratch, const Block& block, const RightOperand& b, float* c, int64_t ldc) const;

 private:
  const MatmulKernels& kernels_;
  ArenaScope scope_;
  int64_t k_;
  float* packed_;
};

// B[k, n] packed for any number of products, in words of 32 bits.
int64_t packed_size(const MatmulKernels& kernels, int64_t n, int64_t k);  // by the built-in products
int64_t packed_size(const Context& context, int64_t n, int64_t k, bool exact = false);
void pack_matrix(Context& context, int64_t n, int64_t k, Matrix b, float* packed, bool exact = false);

}  // namespace dfmerge
