// Matrix products on packed panels: the innermost kernels, one table per instruction set and format of the operands.
//
// A product C = A B is cut into tiles of mr x nr elements that fit in registers. One step of the micro-kernel takes mr
// words of A and nr words of B and adds all their products to the tile; after all steps the tile is written once. For
// the loads to be contiguous whatever the strides of A and B are, both are packed beforehand: A into panels of mr rows,
// B into panels of nr columns, each laid out step by step:
//
//        B, packed                       panel of A, step by step:   a00 a10 .. | a01 a11 .. | ...   mr words a step
//        | nr | nr | nr |                panel of B, step by step:   b00 b01 .. | b10 b11 .. | ...   nr words a step
//    A   +----+----+----+
//    mr  |    |tile|    |                micro-kernel, for every step:
//    mr  |    |    |    |                  tile[m][n] += a[step][m] * b[step][n]
//        +----+----+----+ C
//
// A packed word is 32 bits: one float32 of the depth, or two bfloat16 that follow one another in depth, the first in
// the low half. A depth of K takes ceil(K / unit) steps, rounded up to a multiple of step_multiple; depth past K and
// columns past the matrix's edge are zero. Within step_multiple steps a table may order the words of A as it likes;
// panels that are packed one behind the other at such multiples still form one panel.
//
// Accumulation is in float32 always. Every element of a product is one chain of multiply-adds over the steps in rising
// order (a chain per block of kDepthSteps; on AMX a chain over the sums of 16 steps), so that tiles, threads and blocks
// never change its bits within an instruction set and format.
#pragma once
#include <cstdint>

namespace dfmerge {

constexpr int kMaxTileRows = 32;

// One gradient inside packed panels: `steps` steps of A from step `a` on, and as many of B from step `b` on.
struct OuterSegment {
  int64_t a, b, steps;
  float weight;
};

// Word (step, m) of A is words[step * step_stride + m * row_stride]. In a packed panel the strides are mr and 1; where
// words are float32 as they lie in memory (`plain`), A need not be packed, and one of the strides is 1.
struct LeftTile {
  const float* words;
  int64_t step_stride, row_stride;
};

struct MatmulKernels {
  int mr;    // rows of a tile, and words of a step in a panel of A
  int nr;    // columns of a tile, and words of a step in a panel of B
  int unit;  // depth of a packed word: 1 for float32, 2 for bfloat16

  // Pack `count` source columns of depth `depth`, at most mr or nr of them, into one panel. Element (k, w) of them is
  // source[k * k_stride + w * w_stride].
  void (*pack_a)(float* out, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride);
  void (*pack_b)(float* out, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride);
  // c[m, n] (+)= sum_k a[k, m] b[k, n] for the first `rows` x `columns` elements of a tile, where b is a packed panel.
  void (*micro_kernel)(int rows, int columns, int64_t steps, LeftTile a, const float* b, float* c, int64_t ldc,
                       bool accumulate);
  // The Fisher's tile: for every segment in order, with g[m, n] = extra[m][n] + sum_k a[k, m] b[k, n],
  //   squared: target[m, n] += weight * g^2,   else: target[m, n] += weight * g.
  // `extra` is null where nothing is added. Else the call has one segment, and `extra` has `rows` pointers, each null
  // or to the values that are added to its row.
  void (*outer_tile)(int rows, int columns, const float* a, const float* b, const OuterSegment* segments, int64_t count,
                     const float* const* extra, bool squared, float* target, int64_t ld);

  bool plain = false;     // words are float32 as they lie in memory, so that A need not be packed
  int step_multiple = 1;  // steps are rounded up to a multiple of it
  // The table for segments that are so short that most of their steps would be padding; null stands for this table.
  const MatmulKernels* short_segments = nullptr;

  int64_t words(int64_t depth) const { return (depth + unit - 1) / unit; }
  int64_t steps(int64_t depth) const { return (words(depth) + step_multiple - 1) / step_multiple * step_multiple; }
};

// How many steps of a matrix product make one chain of multiply-adds. It is a multiple of every step_multiple.
constexpr int64_t kDepthSteps = 256;

}  // namespace dfmerge
