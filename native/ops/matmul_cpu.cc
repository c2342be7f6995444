#include <algorithm>

#include "ops/matmul.h"

namespace dfmerge {

namespace {

constexpr int64_t kColumnsPacked = 4096;  // columns of B packed at a time: bounds the scratch at k * 16 KiB
constexpr int64_t kRowBlock = 96, kColumnBlock = 256;  // a task: its A rows and B columns stay in the second-level cache

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Packs panel p of A (rows p*mr ..) or B (columns p*nr ..) over the whole depth.
void pack_a(const Kernels& kernels, float* out, const Matrix& a, int64_t m, int64_t k, int64_t panel) {
  const int64_t first = panel * kernels.mr;
  kernels.pack(out + panel * kernels.mr * k, kernels.mr, k, static_cast<int>(std::min<int64_t>(kernels.mr, m - first)),
               a.data + first * a.row_stride, a.column_stride, a.row_stride);
}

void pack_b(const Kernels& kernels, float* out, const Matrix& b, int64_t first_column, int64_t n, int64_t k, int64_t panel) {
  const int64_t first = panel * kernels.nr;
  kernels.pack(out + panel * kernels.nr * k, kernels.nr, k, static_cast<int>(std::min<int64_t>(kernels.nr, n - first)),
               b.data + (first_column + first) * b.column_stride, b.row_stride, b.column_stride);
}

struct Block {
  int64_t m0, m1, n0, n1;  // multiples of mr and nr, except at the edge
};

// One block of C from packed panels: depth blocks outermost, so that each element is summed in rising k.
void multiply_block(const Kernels& kernels, const Block& block, int64_t k, const float* a, const float* b, float* c, int64_t ldc, bool accumulate) {
  for (int64_t k0 = 0; k0 < k; k0 += kDepthBlock) {
    const int64_t depth = std::min(kDepthBlock, k - k0);
    for (int64_t n = block.n0; n < block.n1; n += kernels.nr) {
      const float* b_panel = b + n * k + k0 * kernels.nr;
      const int columns = static_cast<int>(std::min<int64_t>(kernels.nr, block.n1 - n));
      for (int64_t m = block.m0; m < block.m1; m += kernels.mr) {
        const int rows = static_cast<int>(std::min<int64_t>(kernels.mr, block.m1 - m));
        kernels.multiply_tile(rows, columns, depth, a + m * k + k0 * kernels.mr, b_panel, c + m * ldc + n, ldc, accumulate || k0 > 0);
      }
    }
  }
}

}  // namespace

void matmul(Context& context, Extents size, Matrix a, Matrix b, float* c, int64_t ldc, bool accumulate) {
  const int64_t m = size.m, n = size.n, k = size.k;
  if (m == 0 || n == 0) return;
  const Kernels& kernels = context.kernels;
  ArenaScope scope(context.shared);
  const int64_t a_panels = divide_up(m, kernels.mr);
  float* a_packed = context.shared.allocate(a_panels * kernels.mr * k);
  float* b_packed = context.shared.allocate(std::min(divide_up(n, kernels.nr) * kernels.nr, kColumnsPacked) * k);
  const int64_t row_block = divide_up(kRowBlock, kernels.mr) * kernels.mr;
  for (int64_t first = 0; first < n; first += kColumnsPacked) {
    const int64_t columns = std::min(kColumnsPacked, n - first);
    const int64_t b_panels = divide_up(columns, kernels.nr), new_a = first == 0 ? a_panels : 0;
    context.pool.run(new_a + b_panels, [&](int64_t item, int) {
      if (item < new_a)
        pack_a(kernels, a_packed, a, m, k, item);
      else
        pack_b(kernels, b_packed, b, first, columns, k, item - new_a);
    });
    const int64_t row_blocks = divide_up(m, row_block), column_blocks = divide_up(columns, kColumnBlock);
    context.pool.run(row_blocks * column_blocks, [&](int64_t item, int) {
      const int64_t m0 = item % row_blocks * row_block, n0 = item / row_blocks * kColumnBlock;
      multiply_block(kernels, {m0, std::min(m, m0 + row_block), n0, std::min(columns, n0 + kColumnBlock)}, k, a_packed, b_packed, c + first, ldc,
                     accumulate);
    });
  }
}

void matmul_local(const Kernels& kernels, Arena& scratch, Extents size, Matrix a, Matrix b, float* c, int64_t ldc, bool accumulate) {
  const int64_t m = size.m, n = size.n, k = size.k;
  if (m == 0 || n == 0) return;
  ArenaScope scope(scratch);
  const int64_t a_panels = divide_up(m, kernels.mr), b_panels = divide_up(n, kernels.nr);
  float* a_packed = scratch.allocate(a_panels * kernels.mr * k);
  float* b_packed = scratch.allocate(b_panels * kernels.nr * k);
  for (int64_t panel = 0; panel < a_panels; ++panel) pack_a(kernels, a_packed, a, m, k, panel);
  for (int64_t panel = 0; panel < b_panels; ++panel) pack_b(kernels, b_packed, b, 0, n, k, panel);
  multiply_block(kernels, {0, m, 0, n}, k, a_packed, b_packed, c, ldc, accumulate);
}

}  // namespace dfmerge
