// The products of one instruction set's table, defined in matmul_kernels.cc; contracts in kernels.h.
#pragma once
#include "cpu/kernels.h"

namespace dfmerge {
namespace DFMERGE_ISA {

void pack_panel(float* out, int width, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride);
void multiply_tile(int rows, int columns, int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool accumulate);
void outer_tile(int rows, int columns, int64_t depth, const float* a, const float* b, const float* const* extra, float weight, bool squared,
                float* target, int64_t ld);

}  // namespace DFMERGE_ISA
}  // namespace dfmerge
