#include "ops/matmul_onednn.h"

#include <algorithm>
#include <vector>

#include "core/arithmetic.h"

namespace dfmerge::cpu {

namespace {

constexpr int64_t kStrip = 128;  // columns of C, and of packed B, in a block
constexpr int64_t kBlockRows = Onednn::kMostRows;
// A block has a multiple of so many rows, because oneDNN compiles code for every height and there should be few of
// them.
constexpr int64_t kRowUnit = 16;
constexpr int64_t kPackedRows = 16;  // rows of A that a parallel item rounds or copies

int64_t whole_units(int64_t rows) { return round_up(rows, kRowUnit); }

// A packed B consists of strips of columns, one after another. Each is laid out by oneDNN and begins on a cache line.
struct Strips {
  Strips(Onednn& onednn, int64_t columns, int64_t depth)
      : n(columns), k(depth), count(divide_up(n, kStrip)), last(n - (count - 1) * kStrip) {
    const auto lines = [&](int64_t width) { return round_up(onednn.packed_words(width, k), 16); };
    stride = count > 1 ? lines(kStrip) : 0;
    size = (count - 1) * stride + lines(last);
  }
  int64_t width(int64_t strip) const { return strip == count - 1 ? last : kStrip; }
  const int64_t n, k, count, last;
  int64_t stride, size;  // in words
};

struct StripsOf {
  const Strips& strips;
  const Matrix& b;
};

void pack_strips(Context& context, const StripsOf& source, float* packed) {
  const Strips& strips = source.strips;
  const Matrix& b = source.b;
  Onednn& onednn = *context.onednn;
  const auto& whole = onednn.packing(strips.width(0), strips.k, b.row_stride, b.column_stride);
  const auto& edge = onednn.packing(strips.last, strips.k, b.row_stride, b.column_stride);
  context.pool.run(strips.count, [&](int64_t strip, int thread) {
    const auto& packing = strip == strips.count - 1 ? edge : whole;
    ArenaScope scope(context.scratch[thread]);
    float* scratch = context.scratch[thread].allocate(packing.scratch_words);
    onednn.pack(packing, b.data + strip * kStrip * b.column_stride, packed + strip * strips.stride, scratch);
  });
}

// The rows of A as blocks take them. Those from `first` on are copied, so that they are dense and in the operands'
// format, and rows of zeros fill the last unit up.
struct DenseRows {
  const Matrix& a;
  int64_t m, k, first;
  Compute compute;
  float* copied;

  int64_t width() const { return compute == Compute::kBfloat16 ? 2 : 4; }  // bytes
  const void* row(int64_t i) const {
    return i < first ? static_cast<const void*>(a.data + i * k)
                     : reinterpret_cast<const char*>(copied) + (i - first) * k * width();
  }

  void copy_row(const Kernels& kernels, int64_t i, float* scratch) const {
    char* out = reinterpret_cast<char*>(copied) + (i - first) * k * width();
    if (i >= m) return void(std::fill(out, out + k * width(), char{0}));
    const bool rounded = compute == Compute::kBfloat16;
    const float* source = a.data + i * a.row_stride;
    if (a.column_stride != 1) {
      float* gathered = rounded ? scratch : reinterpret_cast<float*>(out);
      for (int64_t l = 0; l < k; ++l) gathered[l] = source[l * a.column_stride];
      source = gathered;
    }
    if (rounded)
      kernels.to_bf16(reinterpret_cast<uint16_t*>(out), source, k);
    else if (a.column_stride == 1)
      std::copy(source, source + k, reinterpret_cast<float*>(out));
  }
};

}  // namespace

int64_t onednn_packed_size(Onednn& onednn, const Packing& packing) { return Strips(onednn, packing.n, packing.k).size; }

void onednn_pack_matrix(Context& context, const Packing& packing, float* packed) {
  pack_strips(context, {Strips(*context.onednn, packing.n, packing.k), packing.source}, packed);
}

void onednn_matmul(Context& context, const Matmul& o) {
  Onednn& onednn = *context.onednn;
  const int64_t m = o.size.m, n = o.size.n, k = o.size.k;
  const Matrix& a = o.a;
  const Strips strips(onednn, n, k);
  ArenaScope shared(context.shared);
  const float* b_packed = o.reading.packed;
  if (!b_packed) {
    float* packed = context.shared.allocate(strips.size);
    pack_strips(context, {strips, o.b}, packed);
    b_packed = packed;
  }

  const bool as_it_is = context.compute == Compute::kFloat32 && a.column_stride == 1 && a.row_stride == k;
  DenseRows rows{a,      m, k, !as_it_is ? 0 : m % kRowUnit == 0 ? m : m / kBlockRows * kBlockRows, context.compute,
                 nullptr};
  const int64_t copied = whole_units(m) - rows.first;
  rows.copied = context.shared.allocate(divide_up(copied * k * rows.width(), 4));
  context.pool.run(divide_up(copied, kPackedRows), [&](int64_t item, int thread) {
    ArenaScope scope(context.scratch[thread]);
    float* scratch = context.scratch[thread].allocate(k);
    const int64_t from = rows.first + item * kPackedRows, to = std::min(from + kPackedRows, rows.first + copied);
    for (int64_t i = from; i < to; ++i) rows.copy_row(context.kernels, i, scratch);
  });

  const int64_t row_blocks = divide_up(m, kBlockRows), last_rows = m - (row_blocks - 1) * kBlockRows;
  const Onednn::Block* blocks[2][2];  // indexed by whether its rows are the last ones, and its columns
  for (int i : {0, 1})
    for (int j : {0, 1})
      blocks[i][j] = &onednn.block(whole_units(i == 1 ? last_rows : std::min(m, kBlockRows)),
                                   j == 1 ? strips.last : strips.width(0), k);
  // Neighbouring items share a strip of B, the larger operand of most products.
  context.pool.run(strips.count * row_blocks, [&](int64_t item, int thread) {
    const int64_t strip = item / row_blocks, block_row = item % row_blocks, columns = strips.width(strip);
    const int64_t first = block_row * kBlockRows, count = std::min(kBlockRows, m - first);
    const Onednn::Block& block = *blocks[block_row == row_blocks - 1][strip == strips.count - 1];
    Arena& arena = context.scratch[thread];
    ArenaScope scope(arena);
    float* tile = arena.allocate(whole_units(count) * columns);  // oneDNN's fast kernels write whole matrices only
    float* scratch = arena.allocate(block.scratch_words);
    onednn.multiply(block, rows.row(first), b_packed + strip * strips.stride, tile, scratch);
    for (int64_t i = 0; i < count; ++i) {
      float* out = o.c.data + (first + i) * o.c.stride + strip * kStrip;
      const float* from = tile + i * columns;
      if (o.accumulate)
        context.kernels.add(out, from, columns);
      else
        std::copy(from, from + columns, out);
    }
  });
}

}  // namespace dfmerge::cpu
