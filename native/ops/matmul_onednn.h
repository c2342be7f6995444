// The products of matmul.h by oneDNN, for a context whose `onednn` is set. The contract is the same: C is cut into
// blocks by its extents alone, so that the bits do not depend on the number of threads.
#pragma once
#include "ops/matmul_cpu.h"

namespace dfmerge::cpu {

void onednn_matmul(Context& context, const Matmul& o);
int64_t onednn_packed_size(Onednn& onednn, const Packing& packing);  // in words of 32 bits
void onednn_pack_matrix(Context& context, const Packing& packing, float* packed);

}  // namespace dfmerge::cpu
