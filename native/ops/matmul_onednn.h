// matmul.h's products by oneDNN (context.onednn is set), with the same contract: blocks of C whose cut depends on the
// extents alone.
#pragma once
#include "ops/matmul.h"

namespace dfmerge {

void onednn_matmul(Context& context, Extents size, Matrix a, Matrix b, float* c, int64_t ldc, bool accumulate,
                   const float* b_packed);
int64_t onednn_packed_size(Onednn& onednn, int64_t n, int64_t k);  // words of 32 bits
void onednn_pack_matrix(Context& context, int64_t n, int64_t k, Matrix b, float* packed);

}  // namespace dfmerge
