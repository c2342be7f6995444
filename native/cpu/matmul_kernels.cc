// Packed-panel products, compiled once per instruction set (DFMERGE_ISA, DFMERGE_LANES, DFMERGE_MR).
// Multiply-adds may be fused here. No library code may be inlined into this file: the linker could keep this copy for every machine.
#include "cpu/matmul_kernels.h"

namespace dfmerge {
namespace DFMERGE_ISA {
namespace {

constexpr int kLanes = DFMERGE_LANES;
constexpr int kMr = DFMERGE_MR;
constexpr int kNr = 2 * kLanes;
static_assert(kMr <= kMaxTileRows, "the driver's arrays hold kMaxTileRows");

#if DFMERGE_LANES > 1
typedef float Vector __attribute__((vector_size(kLanes * 4)));
typedef float Unaligned __attribute__((vector_size(kLanes * 4), aligned(4)));
inline Vector load(const float* p) { return *reinterpret_cast<const Unaligned*>(p); }
inline void store(float* p, Vector v) { *reinterpret_cast<Unaligned*>(p) = v; }
#else
typedef float Vector;
inline Vector load(const float* p) { return *p; }
inline void store(float* p, Vector v) { *p = v; }
#endif

// acc[m] = { sum_k a[k, m] b[k, 0..lanes), sum_k a[k, m] b[k, lanes..2 lanes) }
template <int M>
inline __attribute__((always_inline)) void accumulate_tile(int64_t depth, const float* a, const float* b, Vector (&left)[M], Vector (&right)[M]) {
  for (int64_t k = 0; k < depth; ++k) {
    const Vector b0 = load(b), b1 = load(b + kLanes);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      left[m] += a[m] * b0;
      right[m] += a[m] * b1;
    }
    a += kMr;
    b += kNr;
  }
}

template <int M>
void multiply(int columns, int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool accumulate) {
  Vector left[M] = {}, right[M] = {};
  accumulate_tile<M>(depth, a, b, left, right);
  if (columns == kNr) {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      float* row = c + m * ldc;
      if (accumulate) {
        left[m] += load(row);
        right[m] += load(row + kLanes);
      }
      store(row, left[m]);
      store(row + kLanes, right[m]);
    }
    return;
  }
  float tile[M][kNr];
  for (int m = 0; m < M; ++m) {
    store(tile[m], left[m]);
    store(tile[m] + kLanes, right[m]);
    for (int n = 0; n < columns; ++n) c[m * ldc + n] = accumulate ? tile[m][n] + c[m * ldc + n] : tile[m][n];
  }
}

// kExtra apart, so that the common case starts from zeroed registers and never from memory.
template <int M, bool kExtra>
void outer(int columns, int64_t depth, const float* a, const float* b, const float* const* extra, float weight, bool squared, float* target,
           int64_t ld) {
  Vector left[M] = {}, right[M] = {};
  float tile[M][kNr];
  if constexpr (kExtra) {  // rows of the embedding that this segment's inputs or labels touch
    for (int m = 0; m < M; ++m) {
      if (!extra[m]) continue;
      for (int n = 0; n < kNr; ++n) tile[m][n] = n < columns ? extra[m][n] : 0.0f;
      left[m] = load(tile[m]);
      right[m] = load(tile[m] + kLanes);
    }
  }
  accumulate_tile<M>(depth, a, b, left, right);
  if (columns == kNr) {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      float* row = target + m * ld;
      const Vector l = squared ? left[m] * left[m] : left[m], r = squared ? right[m] * right[m] : right[m];
      store(row, load(row) + weight * l);
      store(row + kLanes, load(row + kLanes) + weight * r);
    }
    return;
  }
  for (int m = 0; m < M; ++m) {
    store(tile[m], left[m]);
    store(tile[m] + kLanes, right[m]);
    for (int n = 0; n < columns; ++n) {
      const float g = tile[m][n];
      target[m * ld + n] += weight * (squared ? g * g : g);
    }
  }
}

#if DFMERGE_LANES > 1
typedef float Four __attribute__((vector_size(16)));
typedef float UnalignedFour __attribute__((vector_size(16), aligned(4)));
#if defined(__clang__) || __GNUC__ >= 12
#define DFMERGE_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
typedef int FourInts __attribute__((vector_size(16)));
#define DFMERGE_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, FourInts{i, j, k, l})
#endif

// Four columns of a panel from four rows that are contiguous in k: blocks of 4 x 4 are transposed in registers.
void pack_four(float* out, int width, int64_t depth, const float* source, int64_t w_stride) {
  int64_t k = 0;
  for (; k + 4 <= depth; k += 4) {
    const auto row = [&](int w) -> Four { return *reinterpret_cast<const UnalignedFour*>(source + w * w_stride + k); };
    const Four a = row(0), b = row(1), c = row(2), d = row(3);
    const Four ab_low = DFMERGE_SHUFFLE(a, b, 0, 4, 1, 5), ab_high = DFMERGE_SHUFFLE(a, b, 2, 6, 3, 7);
    const Four cd_low = DFMERGE_SHUFFLE(c, d, 0, 4, 1, 5), cd_high = DFMERGE_SHUFFLE(c, d, 2, 6, 3, 7);
    float* to = out + k * width;
    *reinterpret_cast<UnalignedFour*>(to) = DFMERGE_SHUFFLE(ab_low, cd_low, 0, 1, 4, 5);
    *reinterpret_cast<UnalignedFour*>(to + width) = DFMERGE_SHUFFLE(ab_low, cd_low, 2, 3, 6, 7);
    *reinterpret_cast<UnalignedFour*>(to + 2 * width) = DFMERGE_SHUFFLE(ab_high, cd_high, 0, 1, 4, 5);
    *reinterpret_cast<UnalignedFour*>(to + 3 * width) = DFMERGE_SHUFFLE(ab_high, cd_high, 2, 3, 6, 7);
  }
  for (; k < depth; ++k)
    for (int w = 0; w < 4; ++w) out[k * width + w] = source[w * w_stride + k];
}
#endif

template <int M>
void multiply_switch(int rows, int columns, int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool accumulate) {
  if (rows == M) return multiply<M>(columns, depth, a, b, c, ldc, accumulate);
  if constexpr (M > 1) multiply_switch<M - 1>(rows, columns, depth, a, b, c, ldc, accumulate);
}

template <int M>
void outer_switch(int rows, int columns, int64_t depth, const float* a, const float* b, const float* const* extra, float weight, bool squared,
                  float* target, int64_t ld) {
  if (rows == M)
    return extra ? outer<M, true>(columns, depth, a, b, extra, weight, squared, target, ld)
                 : outer<M, false>(columns, depth, a, b, nullptr, weight, squared, target, ld);
  if constexpr (M > 1) outer_switch<M - 1>(rows, columns, depth, a, b, extra, weight, squared, target, ld);
}

}  // namespace

void pack_panel(float* out, int width, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride) {
  if (w_stride == 1) {
    for (int64_t k = 0; k < depth; ++k) {
      const float* from = source + k * k_stride;
      float* to = out + k * width;
      for (int w = 0; w < count; ++w) to[w] = from[w];
      for (int w = count; w < width; ++w) to[w] = 0.0f;
    }
    return;
  }
  int first = 0;  // columns below it are packed
#if DFMERGE_LANES > 1
  if (k_stride == 1)
    for (; first + 4 <= count; first += 4) pack_four(out + first, width, depth, source + first * w_stride, w_stride);
#endif
  for (int w = first; w < width; ++w) {
    const float* from = source + w * w_stride;
    for (int64_t k = 0; k < depth; ++k) out[k * width + w] = w < count ? from[k * k_stride] : 0.0f;
  }
}

void multiply_tile(int rows, int columns, int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool accumulate) {
  multiply_switch<kMr>(rows, columns, depth, a, b, c, ldc, accumulate);
}

void outer_tile(int rows, int columns, int64_t depth, const float* a, const float* b, const float* const* extra, float weight, bool squared,
                float* target, int64_t ld) {
  outer_switch<kMr>(rows, columns, depth, a, b, extra, weight, squared, target, ld);
}

}  // namespace DFMERGE_ISA
}  // namespace dfmerge
