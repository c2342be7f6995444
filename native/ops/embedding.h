// Token embedding: forward gathers rows; backward lists, per segment, the rows its tokens touch.
#pragma once
#include "ops/squared_outer.h"

namespace dfmerge {

// out[t] = table[ids[t]], [rows, d].
void embedding(Context& context, int64_t rows, int64_t d, const float* table, const int32_t* ids, float* out);

// Gradient rows of token occurrences: occurrence t of `segments` has id ids[segments.row_of[t]] and gradient dx[t].
struct TokenGradients {
  const Segments& segments;
  const int32_t* ids;  // of the forward rows
  float* dx;           // [segments.rows(), d]; rows of one id and segment are added into the first of them
};
// Sums occurrences of the same (id, segment), encoder's before decoder's, and returns them sorted. The entries point
// into dx.
SparseRows embedding_backward(Context& context, int64_t d, const TokenGradients& encoder,
                              const TokenGradients& decoder);

}  // namespace dfmerge
