// Packs panels (matmul_kernels.h) of any format and width W: word (step, w) goes to out[step * W + w]. Only
// the kernels of an instruction set include this file.
#pragma once
#include "cpu/vector.h"

namespace dfmerge {
namespace DFMERGE_ISA {
namespace {

// Packs columns whose depth is contiguous: blocks of kLanes columns by kLanes words are transposed in registers.
template <class Format, int W>
void pack_transposed(float* out, int64_t depth, int count, const float* source, int64_t w_stride) {
  const int64_t steps = (depth + Format::kUnit - 1) / Format::kUnit;
  for (int64_t step = 0; step < steps; step += kLanes) {
    const int64_t k = step * Format::kUnit;
    const bool whole = k + kLanes * Format::kUnit <= depth;
    for (int w0 = 0; w0 < W; w0 += kLanes) {
      Vector block[kLanes];
#pragma GCC unroll 16
      for (int w = 0; w < kLanes; ++w) {
        const float* from = source + (w0 + w) * w_stride + k;
        block[w] = w0 + w >= count ? broadcast(0.0f) : whole ? Format::words(from) : Format::words(from, depth - k);
      }
      transpose(block);
      float* to = out + step * W + w0;
      const int width = W - w0 < kLanes ? W - w0 : kLanes;
      const int rows = steps - step < kLanes ? static_cast<int>(steps - step) : kLanes;
      if (width == kLanes && rows == kLanes) {
#pragma GCC unroll 16
        for (int j = 0; j < kLanes; ++j) store(to + j * W, block[j]);
      } else if (rows == kLanes && W < kLanes) {  // whole vectors but for the last, as in pack_rows
#pragma GCC unroll 16
        for (int j = 0; j < kLanes - 1; ++j) store(to + j * W, block[j]);
        store(to + (kLanes - 1) * W, block[kLanes - 1], width);
      } else {
#pragma GCC unroll 16
        for (int j = 0; j < kLanes; ++j)
          if (j < rows) store(to + j * W, block[j], width);
      }
    }
  }
}

// Packs from rows in which the columns are contiguous.
template <class Format, int W>
void pack_rows(float* out, int64_t depth, int count, const float* source, int64_t k_stride) {
  for (int64_t k = 0; k < depth; k += Format::kUnit, out += W) {
    const float* row = source + k * k_stride;
    const float* next = k + 1 < depth ? row + k_stride : nullptr;  // used by a format with two depths per word
#pragma GCC unroll 4
    for (int w = 0; w < W; w += kLanes) {
      const int width = W - w < kLanes ? W - w : kLanes, given = count - w;
      const Vector words = given >= kLanes ? Format::pairs(row + w, next ? next + w : nullptr)
                           : given > 0     ? Format::pairs(row + w, next ? next + w : nullptr, given)
                                           : broadcast(0.0f);
      // A whole vector may be stored where the next step writes its end again. The last step's end would lie in the
      // next panel.
      if (width == kLanes || (W < kLanes && k + Format::kUnit < depth))
        store(out + w, words);
      else
        store(out + w, words, width);
    }
  }
}

template <class Format, int W>
void pack(float* out, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride) {
  if (w_stride == 1) return pack_rows<Format, W>(out, depth, count, source, k_stride);
  if (k_stride == 1) return pack_transposed<Format, W>(out, depth, count, source, w_stride);
  float column[Format::kUnit * kLanes];
  for (int w = 0; w < W; ++w)
    for (int64_t k = 0; k < depth; k += Format::kUnit) {
      for (int u = 0; u < Format::kUnit; ++u)
        column[u] = w < count && k + u < depth ? source[(k + u) * k_stride + w * w_stride] : 0.0f;
      store(out + k / Format::kUnit * W + w, Format::words(column, Format::kUnit), 1);
    }
}

}  // namespace
}  // namespace DFMERGE_ISA
}  // namespace dfmerge
