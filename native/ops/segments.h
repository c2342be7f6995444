// Which rows of a backward pass make one gradient. A segment is one gradient, that of one input with some of its
// choices: rows of dy that are summed together, and the forward rows that they belong to. The tables are built on the
// host once per batch; ops read the views that upload() gives.
#pragma once
#include <vector>

#include "device.h"

namespace dfmerge {

// Segment s has the gradient rows [gradient[s], gradient[s + 1]) and as many forward rows from forward[s] on.
struct Segments {
  int64_t count = 0, rows = 0;
  int64_t forward_rows = 0;           // how many the whole forward pass has
  const int64_t* gradient = nullptr;  // [count + 1] offsets
  const int64_t* forward = nullptr;   // [count]
  const float* weight = nullptr;      // [count]
  const int64_t* row_of = nullptr;    // [rows]: the forward row of every gradient row
};

struct SegmentTable {
  std::vector<int64_t> gradient{0}, forward;
  std::vector<float> weight;
  std::vector<int64_t> row_of;
  int64_t forward_rows = 0;

  int64_t count() const { return static_cast<int64_t>(forward.size()); }
  int64_t rows() const { return gradient.back(); }

  // Appends a segment of `rows` gradient rows.
  void append(int64_t first_forward_row, int64_t rows, float segment_weight) {
    forward.push_back(first_forward_row);
    gradient.push_back(gradient.back() + rows);
    weight.push_back(segment_weight);
    for (int64_t t = 0; t < rows; ++t) row_of.push_back(first_forward_row + t);
  }

  Segments upload(Stream& stream) const {
    return {count(),
            rows(),
            forward_rows,
            stream.upload(gradient),
            stream.upload(forward),
            stream.upload(weight),
            stream.upload(row_of)};
  }
};

// Rows that are added to a segment's gradient before it is squared, sorted by (row, segment). Where the embedding and
// the head are one tied matrix, the embedding's gradient joins the head's in this form.
struct SparseRow {
  int64_t row, segment;
  const float* values;
};
struct SparseRows {
  const SparseRow* begin = nullptr;
  int64_t count = 0;
  const SparseRow* end() const { return begin + count; }
};

}  // namespace dfmerge
