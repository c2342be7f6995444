// The parts of the CPU's matrix product that other CPU ops are built from.
#pragma once
#include "ops/matmul.h"

namespace dfmerge::cpu {

// Multiplies on the calling thread, for the small products inside attention. It packs operands into `scratch` and
// ignores a packed B.
void matmul_local(const MatmulKernels& kernels, Arena& scratch, const Matmul& o);

// B[k, n] of a product: a view of it, and what pack_matrix made of it, or null.
struct RightOperand {
  int64_t n;
  Matrix source;
  const float* packed;
};
// Rows [m0, m1) and columns [n0, n1) of C, where m0 and n0 are multiples of a tile's rows and columns.
struct Block {
  int64_t m0, m1, n0, n1;
};
struct BlockProduct {
  Block block;
  RightOperand b;
  Product c;  // begins at the block's first element
};

// A[m, k] of a product.
struct Rows {
  int64_t m, k;
  Matrix source;
};

// A, packed once for products that want C block by block. Its memory is released with the object.
class PackedRows {
 public:
  PackedRows(Context& context, const Rows& a);
  // Multiplies one block on the calling thread. B is packed into `scratch` where it is not packed yet.
  void multiply(Arena& scratch, const BlockProduct& o) const;

 private:
  const MatmulKernels& kernels_;
  ArenaScope scope_;
  int64_t k_;
  float* packed_;
};

// B[k, n], to be packed for any number of products.
struct Packing {
  int64_t n, k;
  Matrix source;
  bool exact = false;  // for products whose operands stay float32
};
int64_t packed_size(const Context& context, const Packing& packing);  // in words of 32 bits
void pack_matrix(Context& context, const Packing& packing, float* packed);

}  // namespace dfmerge::cpu
