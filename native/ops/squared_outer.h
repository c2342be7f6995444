// The gradient of a weight W[out, in] from y = x W^T, consumed as it is made: no gradient of parameter size is ever
// stored.
//
//   squared (Fisher, paper eq. 2-3):  target[o, i] += sum_s weight_s (sum_{t in s} dy[t, o] x[f(t), i] + extra_s[o,
//   i])^2 else (training):                  target[o, i] += sum_s weight_s (sum_{t in s} dy[t, o] x[f(t), i] +
//   extra_s[o, i])
//
// A segment s is one gradient (one input and choice): rows of dy that belong together, and the rows of the forward pass
// they stand on.
#pragma once
#include <vector>

#include "cpu/context.h"

namespace dfmerge {

// Rows of a backward pass. Segment s: gradient rows [gradient[s], gradient[s + 1]), forward rows from forward[s] on, as
// many.
struct Segments {
  std::vector<int64_t> gradient;  // count + 1 offsets
  std::vector<int64_t> forward;   // count first rows
  std::vector<float> weight;      // count
  std::vector<int64_t> row_of;    // gradient.back(): the forward row of every gradient row
  int64_t forward_rows = 0;       // rows of the whole forward pass
  int64_t count() const { return static_cast<int64_t>(forward.size()); }
  int64_t rows() const { return gradient.back(); }
};

// Rows to add to a segment's gradient before it is squared, sorted by (row, segment): the embedding's share of a tied
// head.
struct SparseRows {
  struct Entry {
    int64_t row, segment;
    const float* values;  // `in` floats
  };
  std::vector<Entry> entries;
};

struct OuterShape {
  int64_t out, in;
};

// x [forward_rows, in] rows ldx apart, dy [rows, out] rows ldy apart, target [out, in] contiguous.
struct OuterOperands {
  const float* x;
  int64_t ldx;
  const float* dy;
  int64_t ldy;
};

void squared_outer(Context& context, OuterShape shape, const Segments& segments, OuterOperands operands,
                   const SparseRows* extra, bool squared, float* target);
// The sparse rows alone, for an embedding whose head has a weight of its own.
void squared_rows(Context& context, int64_t width, const Segments& segments, const SparseRows& extra, bool squared,
                  float* target);

}  // namespace dfmerge
