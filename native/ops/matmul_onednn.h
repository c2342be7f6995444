// matmul.h's products by oneDNN (context.onednn is set), with the same contract: blocks of C whose cut depends on the
// extents alone.
#pragma once
#include "ops/matmul_cpu.h"

namespace dfmerge::cpu {

void onednn_matmul(Context& context, const Matmul& o);
int64_t onednn_packed_size(Onednn& onednn, const Packing& packing);  // words of 32 bits
void onednn_pack_matrix(Context& context, const Packing& packing, float* packed);

}  // namespace dfmerge::cpu
