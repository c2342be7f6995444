// Token embedding: the forward pass gathers rows of a table, the backward pass adds up, per segment, the gradients of
// the tokens that took the same row.
#pragma once
#include "ops/segments.h"

namespace dfmerge {

// out[t] = table[ids[t]], [rows, d].
struct Embedding {
  int64_t rows, d;
  const float* table;
  const int32_t* ids;
  float* out;
};

// The gradients of one side's tokens: gradient row t belongs to forward row segments.row_of[t], whose token is
// ids[segments.row_of[t]].
struct TokenGradients {
  const SegmentTable& segments;
  const std::vector<int32_t>& ids;  // [forward rows]
  float* dx;                        // [segments.rows(), d]
};

// Runs of gradient rows that belong to the same row of the table and the same segment. The host builds them from the
// ids alone.
struct TokenRuns {
  std::vector<float*> rows;      // sorted by (table row, segment), and within a run in the order of the sides
  std::vector<int64_t> first;    // [runs + 1] offsets into `rows`
  std::vector<SparseRow> total;  // [runs]: where the sum of each run lies, which is its first row
};
// Groups the gradient rows of both sides, each d wide. Within a run the encoder's come before the decoder's.
TokenRuns token_runs(int64_t d, const TokenGradients& encoder, const TokenGradients& decoder);

// Adds the rows of every run into its first one, each d wide.
struct EmbeddingBackward {
  int64_t d, runs;
  float* const* rows;
  const int64_t* first;
};

namespace cpu {
void embedding(Context& context, const Embedding& o);
void embedding_backward(Context& context, const EmbeddingBackward& o);
}  // namespace cpu

inline constexpr Op<cpu::embedding> embedding;
inline constexpr Op<cpu::embedding_backward> embedding_backward;

}  // namespace dfmerge
