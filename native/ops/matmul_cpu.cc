#include <algorithm>

#include "ops/matmul.h"
#include "ops/matmul_onednn.h"

namespace dfmerge {

namespace {

// Words of A packed at a time: where B is packed already, few enough to stay near (2 MiB); else more, as B is packed
// again for each.
constexpr int64_t kPackedNear = int64_t{1} << 19, kPackedFar = int64_t{1} << 21;
constexpr int64_t kColumnBlock = 256;  // columns of B in a task: a depth block of them stays in the second-level cache
constexpr int64_t kRowBlock = 192;     // rows that meet such a block in turn, in the second-level cache too
constexpr int64_t kSmallWeight = int64_t{1} << 16;   // elements of a B that every task may pack for itself
constexpr int64_t kSmallProduct = int64_t{1} << 18;  // multiply-adds below which a second thread is not worth waking

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Panels [first, last) of A over the whole depth, rows from `row` on; panel p goes to out + (p - first) * mr * steps.
void pack_a(const MatmulKernels& kernels, float* out, const Matrix& a, int64_t row, int64_t m, int64_t k, int64_t first,
            int64_t last) {
  const int64_t size = kernels.mr * kernels.steps(k);
  for (int64_t panel = first; panel < last; ++panel) {
    const int64_t at = row + panel * kernels.mr;
    kernels.pack_a(out + (panel - first) * size, k, static_cast<int>(std::min<int64_t>(kernels.mr, m - at)),
                   a.data + at * a.row_stride, a.column_stride, a.row_stride);
  }
}

// Depth [k0, k0 + depth) of the columns [n0, n1) of B.
void pack_b(const MatmulKernels& kernels, float* out, const Matrix& b, int64_t k0, int64_t depth, int64_t n0,
            int64_t n1) {
  const int64_t size = kernels.nr * kernels.steps(depth);
  for (int64_t n = n0; n < n1; n += kernels.nr, out += size)
    kernels.pack_b(out, depth, static_cast<int>(std::min<int64_t>(kernels.nr, n1 - n)),
                   b.data + k0 * b.row_stride + n * b.column_stride, b.row_stride, b.column_stride);
}

// Columns [n0, n1) of B at depth [k0, k0 + depth): where they are packed already, or packed into `scratch`. A packed
// matrix is its depth blocks in turn, each all its panels in turn.
const float* block_of(const MatmulKernels& kernels, const RightOperand& b, int64_t k0, int64_t depth, int64_t n0,
                      int64_t n1, float* scratch) {
  if (b.packed)
    return b.packed + k0 / kernels.unit * (divide_up(b.n, kernels.nr) * kernels.nr) + n0 * kernels.steps(depth);
  pack_b(kernels, scratch, b.source, k0, depth, n0, n1);
  return scratch;
}

// Rows of A as tiles take them (matmul_kernels.h): a tile that starts `row` rows on starts row * apart words on.
struct LeftOperand {
  const float* words;
  int64_t step_stride, row_stride, apart;
  LeftTile tile(int64_t row, int64_t step) const {
    return {words + row * apart + step * step_stride, step_stride, row_stride};
  }
};

LeftOperand packed_rows(const MatmulKernels& kernels, const float* words, int64_t k) {
  return {words, kernels.mr, 1, kernels.steps(k)};
}
LeftOperand rows_in_memory(const Matrix& a, int64_t row) {
  return {a.data + row * a.row_stride, a.column_stride, a.row_stride, a.row_stride};
}
bool in_memory(const MatmulKernels& kernels, const Matrix& a) {
  return kernels.plain && (a.row_stride == 1 || a.column_stride == 1);
}

// Where one block of C comes from and goes to: `a` from row m0 on, `c` is C's first element.
struct BlockOperands {
  LeftOperand a;
  const RightOperand& b;
  float* scratch;  // for B where it is not packed
  float* c;
  int64_t ldc;
  bool accumulate;
};

// Depth blocks outermost, so that each element is summed in rising k.
void multiply_block(const MatmulKernels& kernels, const Block& block, int64_t k, const BlockOperands& o) {
  const int64_t depth_block = kDepthSteps * kernels.unit, strip = kRowBlock / kernels.mr * kernels.mr;
  for (int64_t k0 = 0; k0 < k; k0 += depth_block) {
    const int64_t depth = std::min(depth_block, k - k0), steps = kernels.steps(depth);
    const float* b = block_of(kernels, o.b, k0, depth, block.n0, block.n1, o.scratch);
    for (int64_t row = block.m0; row < block.m1; row += strip) {
      const int64_t last_row = std::min(block.m1, row + strip);
      for (int64_t n = block.n0; n < block.n1; n += kernels.nr) {
        const int columns = static_cast<int>(std::min<int64_t>(kernels.nr, block.n1 - n));
        for (int64_t m = row; m < last_row; m += kernels.mr) {
          const int rows = static_cast<int>(std::min<int64_t>(kernels.mr, last_row - m));
          kernels.micro_kernel(rows, columns, steps, o.a.tile(m - block.m0, k0 / kernels.unit),
                               b + (n - block.n0) * steps, o.c + (m - block.m0) * o.ldc + n - block.n0, o.ldc,
                               o.accumulate || k0 > 0);
        }
      }
    }
  }
}

// Words that a block of `columns` of B takes while it is packed.
int64_t block_size(const MatmulKernels& kernels, int64_t columns, int64_t k) {
  return packed_size(kernels, columns, std::min(k, kDepthSteps * kernels.unit));
}

// Panels of B in a task: as many as leave the thread with the most work the least of it, with two tasks each.
int64_t panels_per_task(int64_t panels, int64_t threads, int64_t most) {
  const auto longest = [&](int64_t width) { return divide_up(divide_up(panels, width), threads) * width; };
  int64_t best = 1;
  for (int64_t width = 2; width <= most && 2 * threads * width <= panels + width; ++width)
    if (longest(width) <= longest(best)) best = width;
  return best;
}

struct Product {
  const MatmulKernels& kernels;
  Extents size;
  Matrix a;
  RightOperand b;
  float* c;
  int64_t ldc;
  bool accumulate;
};

// A small B: every task takes its own rows of A, and B whole.
void multiply_by_rows(Context& context, const Product& p) {
  const int64_t m = p.size.m, n = p.size.n, k = p.size.k;
  const int64_t panels = divide_up(m, p.kernels.mr), most = m * n * k < kSmallProduct ? 1 : 2 * context.pool.size();
  const int64_t per_task = divide_up(panels, std::min(panels, most));
  context.pool.run(divide_up(panels, per_task), [&](int64_t item, int thread) {
    Arena& scratch = context.scratch[thread];
    ArenaScope scope(scratch);
    const int64_t first = item * per_task, last = std::min(panels, first + per_task), row = first * p.kernels.mr;
    float* b_packed = p.b.packed ? nullptr : scratch.allocate(block_size(p.kernels, n, k));
    LeftOperand a = rows_in_memory(p.a, row);
    if (!in_memory(p.kernels, p.a)) {
      float* a_packed = scratch.allocate((last - first) * p.kernels.mr * p.kernels.steps(k));
      pack_a(p.kernels, a_packed, p.a, 0, m, k, first, last);
      a = packed_rows(p.kernels, a_packed, k);
    }
    multiply_block(p.kernels, {row, std::min(m, last * p.kernels.mr), 0, n}, k,
                   {a, p.b, b_packed, p.c + row * p.ldc, p.ldc, p.accumulate});
  });
}

// All panels of rows [row, row + rows) of A, on all threads.
void pack_rows(Context& context, const MatmulKernels& kernels, float* out, const Matrix& a, int64_t row, int64_t rows,
               int64_t m, int64_t k) {
  constexpr int64_t kPanelsPerItem = 4;
  const int64_t panels = divide_up(rows, kernels.mr);
  context.pool.run(divide_up(panels, kPanelsPerItem), [&](int64_t item, int) {
    const int64_t panel = item * kPanelsPerItem;
    pack_a(kernels, out + panel * kernels.mr * kernels.steps(k), a, row, m, k, panel,
           std::min(panels, panel + kPanelsPerItem));
  });
}

// A large B: packed rows of A are shared, every task takes its own columns.
void multiply_by_columns(Context& context, const Product& p) {
  const MatmulKernels& kernels = p.kernels;
  const int64_t m = p.size.m, n = p.size.n, k = p.size.k, a_steps = kernels.steps(k);
  const int64_t chunk =
      std::max<int64_t>(kRowBlock, (p.b.packed ? kPackedNear : kPackedFar) / a_steps) / kernels.mr * kernels.mr;
  ArenaScope scope(context.shared);
  float* a_packed = context.shared.allocate(divide_up(std::min(chunk, m), kernels.mr) * kernels.mr * a_steps);
  const int64_t width =
      panels_per_task(divide_up(n, kernels.nr), context.pool.size(), kColumnBlock / kernels.nr) * kernels.nr;
  for (int64_t first = 0; first < m; first += chunk) {
    const int64_t rows = std::min(chunk, m - first);
    pack_rows(context, kernels, a_packed, p.a, first, rows, m, k);
    context.pool.run(divide_up(n, width), [&](int64_t item, int thread) {
      Arena& scratch = context.scratch[thread];
      ArenaScope task_scope(scratch);
      const Block block{0, rows, item * width, std::min(n, (item + 1) * width)};
      float* b_packed = p.b.packed ? nullptr : scratch.allocate(block_size(kernels, width, k));
      multiply_block(
          kernels, block, k,
          {packed_rows(kernels, a_packed, k), p.b, b_packed, p.c + first * p.ldc + block.n0, p.ldc, p.accumulate});
    });
  }
}

}  // namespace

int64_t packed_size(const MatmulKernels& kernels, int64_t n, int64_t k) {
  return divide_up(n, kernels.nr) * kernels.nr * kernels.steps(k);
}

int64_t packed_size(const Context& context, int64_t n, int64_t k, bool exact) {
  Onednn* onednn = context.onednn_for(exact);
  return onednn ? onednn_packed_size(*onednn, n, k) : packed_size(context.matmul_kernels(exact), n, k);
}

void pack_matrix(Context& context, int64_t n, int64_t k, Matrix b, float* packed, bool exact) {
  if (context.onednn_for(exact)) return onednn_pack_matrix(context, n, k, b, packed);
  const MatmulKernels& kernels = context.matmul_kernels(exact);
  const int64_t depth_block = kDepthSteps * kernels.unit, blocks = divide_up(k, depth_block),
                strips = divide_up(n, kColumnBlock);
  context.pool.run(blocks * strips, [&](int64_t item, int) {
    const int64_t k0 = item / strips * depth_block, n0 = item % strips * kColumnBlock,
                  depth = std::min(depth_block, k - k0);
    float* out = const_cast<float*>(block_of(kernels, {n, b, packed}, k0, depth, n0, 0, nullptr));
    pack_b(kernels, out, b, k0, depth, n0, std::min(n, n0 + kColumnBlock));
  });
}

void matmul(Context& context, Extents size, Matrix a, Matrix b, float* c, int64_t ldc, bool accumulate, Take take) {
  if (size.m == 0 || size.n == 0) return;
  if (context.onednn_for(take.exact)) return onednn_matmul(context, size, a, b, c, ldc, accumulate, take.packed);
  const Product product{context.matmul_kernels(take.exact), size, a, {size.n, b, take.packed}, c, ldc, accumulate};
  if (size.n * size.k <= kSmallWeight)
    multiply_by_rows(context, product);
  else
    multiply_by_columns(context, product);
}

void matmul_local(const MatmulKernels& kernels, Arena& scratch, Extents size, Matrix a, Matrix b, float* c, int64_t ldc,
                  bool accumulate) {
  if (size.m == 0 || size.n == 0) return;
  ArenaScope scope(scratch);
  float* b_packed = scratch.allocate(block_size(kernels, size.n, size.k));
  const Block whole{0, size.m, 0, size.n};
  if (in_memory(kernels, a))  // packing would cost as much as it saves
    return multiply_block(kernels, whole, size.k,
                          {rows_in_memory(a, 0), {size.n, b, nullptr}, b_packed, c, ldc, accumulate});
  const int64_t panels = divide_up(size.m, kernels.mr);
  float* a_packed = scratch.allocate(panels * kernels.mr * kernels.steps(size.k));
  pack_a(kernels, a_packed, a, 0, size.m, size.k, 0, panels);
  multiply_block(kernels, whole, size.k,
                 {packed_rows(kernels, a_packed, size.k), {size.n, b, nullptr}, b_packed, c, ldc, accumulate});
}

PackedRows::PackedRows(Context& context, int64_t m, int64_t k, Matrix a)
    : kernels_(context.matmul_kernels()), scope_(context.shared), k_(k) {
  packed_ = context.shared.allocate(divide_up(m, kernels_.mr) * kernels_.mr * kernels_.steps(k));
  pack_rows(context, kernels_, packed_, a, 0, m, m, k);
}

void PackedRows::multiply(Arena& scratch, const Block& block, const RightOperand& b, float* c, int64_t ldc) const {
  ArenaScope scope(scratch);
  float* b_packed = b.packed ? nullptr : scratch.allocate(block_size(kernels_, block.n1 - block.n0, k_));
  multiply_block(kernels_, block, k_,
                 {packed_rows(kernels_, packed_ + block.m0 * kernels_.steps(k_), k_), b, b_packed, c, ldc, false});
}

}  // namespace dfmerge
