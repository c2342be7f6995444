#include "ops/matmul_cpu.h"

#include <algorithm>

#include "core/arithmetic.h"
#include "ops/matmul_onednn.h"

namespace dfmerge::cpu {

namespace {

// So many words of A are packed at a time: where B is packed already, few enough to stay near (2 MiB); else more, as B
// is packed again for each.
constexpr int64_t kPackedNear = int64_t{1} << 19, kPackedFar = int64_t{1} << 21;
constexpr int64_t kColumnBlock = 256;  // columns of B in a task: a depth block of them stays in the second-level cache
constexpr int64_t kRowBlock = 192;     // rows that meet such a block in turn, in the second-level cache too
constexpr int64_t kSmallWeight = int64_t{1} << 16;   // elements of a B that every task may pack for itself
constexpr int64_t kSmallProduct = int64_t{1} << 18;  // multiply-adds below which a second thread is not worth waking

// Panels [first, last) of A's rows from `row` on, over the whole depth; panel p goes to out + (p - first) * mr * steps.
struct Panels {
  const Rows& a;
  int64_t row, first, last;
};

void pack_a(const MatmulKernels& kernels, const Panels& panels, float* out) {
  const Rows& a = panels.a;
  const int64_t size = kernels.mr * kernels.steps(a.k);
  for (int64_t panel = panels.first; panel < panels.last; ++panel) {
    const int64_t at = panels.row + panel * kernels.mr;
    kernels.pack_a(out + (panel - panels.first) * size, a.k, static_cast<int>(std::min<int64_t>(kernels.mr, a.m - at)),
                   a.source.data + at * a.source.row_stride, a.source.column_stride, a.source.row_stride);
  }
}

// The columns [n0, n1) of B at depth [k0, k0 + depth).
struct Slab {
  const Matrix& b;
  int64_t k0, depth, n0, n1;
};

void pack_b(const MatmulKernels& kernels, const Slab& slab, float* out) {
  const Matrix& b = slab.b;
  const int64_t size = kernels.nr * kernels.steps(slab.depth);
  for (int64_t n = slab.n0; n < slab.n1; n += kernels.nr, out += size)
    kernels.pack_b(out, slab.depth, static_cast<int>(std::min<int64_t>(kernels.nr, slab.n1 - n)),
                   b.data + slab.k0 * b.row_stride + n * b.column_stride, b.row_stride, b.column_stride);
}

// Where a slab starts in a packed matrix of n columns, which is its depth blocks in turn, each all its panels in turn.
int64_t slab_offset(const MatmulKernels& kernels, int64_t n, const Slab& slab) {
  return slab.k0 / kernels.unit * round_up(n, kernels.nr) + slab.n0 * kernels.steps(slab.depth);
}

// Rows of A as tiles take them (matmul_kernels.h): a tile that starts `row` rows on starts row * apart words on.
struct LeftOperand {
  const float* words;
  int64_t step_stride, row_stride, apart;
  LeftTile tile(int64_t row, int64_t step) const {
    return {words + row * apart + step * step_stride, step_stride, row_stride};
  }
};

LeftOperand packed_left(const MatmulKernels& kernels, const float* words, int64_t k) {
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
  Product c;
  bool accumulate;
  int64_t k;
};

// A slab of B: where it is packed already, or packed into the scratch memory.
const float* packed_slab(const MatmulKernels& kernels, const BlockOperands& o, const Slab& slab) {
  if (o.b.packed) return o.b.packed + slab_offset(kernels, o.b.n, slab);
  pack_b(kernels, slab, o.scratch);
  return o.scratch;
}

// Depth blocks outermost, so that each element is summed in rising k.
void multiply_block(const MatmulKernels& kernels, const Block& block, const BlockOperands& o) {
  const int64_t depth_block = kDepthSteps * kernels.unit, strip = kRowBlock / kernels.mr * kernels.mr;
  for (int64_t k0 = 0; k0 < o.k; k0 += depth_block) {
    const int64_t depth = std::min(depth_block, o.k - k0), steps = kernels.steps(depth);
    const float* b = packed_slab(kernels, o, {o.b.source, k0, depth, block.n0, block.n1});
    for (int64_t row = block.m0; row < block.m1; row += strip) {
      const int64_t last_row = std::min(block.m1, row + strip);
      for (int64_t n = block.n0; n < block.n1; n += kernels.nr) {
        const int columns = static_cast<int>(std::min<int64_t>(kernels.nr, block.n1 - n));
        for (int64_t m = row; m < last_row; m += kernels.mr) {
          const int rows = static_cast<int>(std::min<int64_t>(kernels.mr, last_row - m));
          kernels.micro_kernel(rows, columns, steps, o.a.tile(m - block.m0, k0 / kernels.unit),
                               b + (n - block.n0) * steps, o.c.data + (m - block.m0) * o.c.stride + n - block.n0,
                               o.c.stride, o.accumulate || k0 > 0);
        }
      }
    }
  }
}

int64_t built_in_size(const MatmulKernels& kernels, int64_t n, int64_t k) {
  return round_up(n, kernels.nr) * kernels.steps(k);
}

// Words that a block of `columns` of B takes while it is packed.
int64_t block_size(const MatmulKernels& kernels, int64_t columns, int64_t k) {
  return built_in_size(kernels, columns, std::min(k, kDepthSteps * kernels.unit));
}

// How many panels of B a task takes: as many as leave the thread that has the most work the least of it, with two tasks
// for each thread at least.
int64_t panels_per_task(int64_t panels, int64_t threads, int64_t most) {
  const auto longest = [&](int64_t width) { return divide_up(divide_up(panels, width), threads) * width; };
  int64_t best = 1;
  for (int64_t width = 2; width <= most && 2 * threads * width <= panels + width; ++width)
    if (longest(width) <= longest(best)) best = width;
  return best;
}

RightOperand right_of(const Matmul& o) { return {o.size.n, o.b, o.reading.packed}; }

// A small B: every task takes its own rows of A, and B whole.
void multiply_by_rows(Context& context, const MatmulKernels& kernels, const Matmul& o) {
  const auto [m, n, k] = o.size;
  const RightOperand b = right_of(o);
  const int64_t panels = divide_up(m, kernels.mr), most = m * n * k < kSmallProduct ? 1 : 2 * context.pool.size();
  const int64_t per_task = divide_up(panels, std::min(panels, most));
  context.pool.run(divide_up(panels, per_task), [&, m = m, n = n, k = k](int64_t item, int thread) {
    Arena& scratch = context.scratch[thread];
    ArenaScope scope(scratch);
    const int64_t first = item * per_task, last = std::min(panels, first + per_task), row = first * kernels.mr;
    float* b_packed = b.packed ? nullptr : scratch.allocate(block_size(kernels, n, k));
    LeftOperand a = rows_in_memory(o.a, row);
    if (!in_memory(kernels, o.a)) {
      float* a_packed = scratch.allocate((last - first) * kernels.mr * kernels.steps(k));
      pack_a(kernels, {{m, k, o.a}, 0, first, last}, a_packed);
      a = packed_left(kernels, a_packed, k);
    }
    multiply_block(kernels, {row, std::min(m, last * kernels.mr), 0, n},
                   {a, b, b_packed, {o.c.data + row * o.c.stride, o.c.stride}, o.accumulate, k});
  });
}

// Rows [row, row + count) of A, for the kernels that will read them.
struct RowRange {
  const MatmulKernels& kernels;
  const Rows& a;
  int64_t row, count;
};

// Packs all panels of a range of rows, on all threads.
void pack_rows(Context& context, const RowRange& range, float* out) {
  constexpr int64_t kPanelsPerItem = 4;
  const MatmulKernels& kernels = range.kernels;
  const int64_t panels = divide_up(range.count, kernels.mr);
  context.pool.run(divide_up(panels, kPanelsPerItem), [&](int64_t item, int) {
    const int64_t panel = item * kPanelsPerItem;
    pack_a(kernels, {range.a, range.row, panel, std::min(panels, panel + kPanelsPerItem)},
           out + panel * kernels.mr * kernels.steps(range.a.k));
  });
}

// A large B: packed rows of A are shared, every task takes its own columns.
void multiply_by_columns(Context& context, const MatmulKernels& kernels, const Matmul& o) {
  const auto [m, n, k] = o.size;
  const RightOperand b = right_of(o);
  const int64_t a_steps = kernels.steps(k);
  const int64_t chunk =
      std::max<int64_t>(kRowBlock, (b.packed ? kPackedNear : kPackedFar) / a_steps) / kernels.mr * kernels.mr;
  ArenaScope scope(context.shared);
  float* a_packed = context.shared.allocate(round_up(std::min(chunk, m), kernels.mr) * a_steps);
  const int64_t width =
      panels_per_task(divide_up(n, kernels.nr), context.pool.size(), kColumnBlock / kernels.nr) * kernels.nr;
  for (int64_t first = 0; first < m; first += chunk) {
    const int64_t rows = std::min(chunk, m - first);
    pack_rows(context, {kernels, {m, k, o.a}, first, rows}, a_packed);
    context.pool.run(divide_up(n, width), [&, n = n, k = k](int64_t item, int thread) {
      Arena& scratch = context.scratch[thread];
      ArenaScope task_scope(scratch);
      const Block block{0, rows, item * width, std::min(n, (item + 1) * width)};
      float* b_packed = b.packed ? nullptr : scratch.allocate(block_size(kernels, width, k));
      multiply_block(kernels, block,
                     {packed_left(kernels, a_packed, k),
                      b,
                      b_packed,
                      {o.c.data + first * o.c.stride + block.n0, o.c.stride},
                      o.accumulate,
                      k});
    });
  }
}

}  // namespace

int64_t packed_size(const Context& context, const Packing& packing) {
  Onednn* onednn = context.onednn_for(packing.exact);
  return onednn ? onednn_packed_size(*onednn, packing)
                : built_in_size(context.matmul_kernels(packing.exact), packing.n, packing.k);
}

void pack_matrix(Context& context, const Packing& packing, float* packed) {
  if (context.onednn_for(packing.exact)) return onednn_pack_matrix(context, packing, packed);
  const MatmulKernels& kernels = context.matmul_kernels(packing.exact);
  const int64_t depth_block = kDepthSteps * kernels.unit, blocks = divide_up(packing.k, depth_block),
                strips = divide_up(packing.n, kColumnBlock);
  context.pool.run(blocks * strips, [&](int64_t item, int) {
    const int64_t k0 = item / strips * depth_block, n0 = item % strips * kColumnBlock;
    const Slab slab{packing.source, k0, std::min(depth_block, packing.k - k0), n0,
                    std::min(packing.n, n0 + kColumnBlock)};
    pack_b(kernels, slab, packed + slab_offset(kernels, packing.n, slab));
  });
}

void matmul(Context& context, const Matmul& o) {
  if (o.size.m == 0 || o.size.n == 0) return;
  if (context.onednn_for(o.reading.exact)) return onednn_matmul(context, o);
  const MatmulKernels& kernels = context.matmul_kernels(o.reading.exact);
  if (o.size.n * o.size.k <= kSmallWeight)
    multiply_by_rows(context, kernels, o);
  else
    multiply_by_columns(context, kernels, o);
}

void matmul_local(const MatmulKernels& kernels, Arena& scratch, const Matmul& o) {
  const auto [m, n, k] = o.size;
  if (m == 0 || n == 0) return;
  ArenaScope scope(scratch);
  float* b_packed = scratch.allocate(block_size(kernels, n, k));
  LeftOperand a = rows_in_memory(o.a, 0);
  if (!in_memory(kernels, o.a)) {  // where A can be read as it lies, packing it would cost as much as it saves
    const int64_t panels = divide_up(m, kernels.mr);
    float* a_packed = scratch.allocate(panels * kernels.mr * kernels.steps(k));
    pack_a(kernels, {{m, k, o.a}, 0, 0, panels}, a_packed);
    a = packed_left(kernels, a_packed, k);
  }
  const RightOperand b{n, o.b, nullptr};
  multiply_block(kernels, {0, m, 0, n}, {a, b, b_packed, o.c, o.accumulate, k});
}

PackedRows::PackedRows(Context& context, const Rows& a)
    : kernels_(context.matmul_kernels()), scope_(context.shared), k_(a.k) {
  packed_ = context.shared.allocate(round_up(a.m, kernels_.mr) * kernels_.steps(k_));
  pack_rows(context, {kernels_, a, 0, a.m}, packed_);
}

void PackedRows::multiply(Arena& scratch, const BlockProduct& o) const {
  ArenaScope scope(scratch);
  const Block& block = o.block;
  float* b_packed = o.b.packed ? nullptr : scratch.allocate(block_size(kernels_, block.n1 - block.n0, k_));
  const LeftOperand a = packed_left(kernels_, packed_ + block.m0 * kernels_.steps(k_), k_);
  multiply_block(kernels_, block, {a, o.b, b_packed, o.c, false, k_});
}

}  // namespace dfmerge::cpu
