// Matrix products on packed panels, one table per instruction set and format of the operands; accumulation is in
// float32 always.
//
// A packed word is 32 bits: one float32 of the depth, or two bfloat16 that follow one another in depth (the first in
// the low half). A panel of width W holds `steps` groups of W words: word (step, w) is at step * W + w; a depth of K
// takes ceil(K / unit) steps, rounded up to a multiple of step_multiple, and depth past K and columns past the matrix's
// edge are zero. (A table may order the words of A otherwise within step_multiple steps; panels packed one after
// another from such steps on are one panel all the same.) Every element of a product is one chain over the steps in
// rising order (a chain per block of kDepthSteps; on AMX a chain over the sums of 16 steps), so that tiles, threads and
// blocks never change its bits within an instruction set and format.
#pragma once
#include <cstdint>

namespace dfmerge {

constexpr int kMaxTileRows = 32;

// One gradient inside packed panels: `steps` of A from step a on, of B from step b on.
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
  int mr;    // rows of an output tile = width of a packed A panel
  int nr;    // columns of an output tile = width of a packed B panel
  int unit;  // depth of a packed word: 1 float32, 2 bfloat16

  // Packs `count` <= width source columns of `depth` into one panel: (k, w) is source[k * k_stride + w * w_stride].
  void (*pack_a)(float* out, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride);
  void (*pack_b)(float* out, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride);
  // c[m, n] (+)= sum_k a[k, m] b[k, n] for the first `rows` x `columns` of a tile, b a packed panel.
  void (*micro_kernel)(int rows, int columns, int64_t steps, LeftTile a, const float* b, float* c, int64_t ldc,
                       bool accumulate);
  // The Fisher's tile: for every segment in order, with g[m, n] = extra[m][n] + sum_k a[k, m] b[k, n],
  //   squared: target[m, n] += weight * g^2,   else: target[m, n] += weight * g.
  // extra: `rows` pointers (null: nothing to add) for a call with one segment, or null for none at all.
  void (*outer_tile)(int rows, int columns, const float* a, const float* b, const OuterSegment* segments, int64_t count,
                     const float* const* extra, bool squared, float* target, int64_t ld);

  bool plain = false;
  int step_multiple = 1;
  // The Fisher's products of segments so short that most of their steps would be rounding; null: this table's.
  const MatmulKernels* short_segments = nullptr;

  int64_t words(int64_t depth) const { return (depth + unit - 1) / unit; }
  int64_t steps(int64_t depth) const { return (words(depth) + step_multiple - 1) / step_multiple * step_multiple; }
};

// Steps of one chain of multiply-adds in a matrix product; a multiple of every step_multiple.
constexpr int64_t kDepthSteps = 256;

}  // namespace dfmerge
