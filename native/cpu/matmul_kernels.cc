// The products of matmul_kernels.h. This file is compiled once per instruction set (DFMERGE_ISA, DFMERGE_LANES,
// DFMERGE_MR). Multiply-adds may be fused here. No library code may be inlined into this file: the linker could keep
// this copy for every machine.
#include "cpu/matmul_kernels.h"

#include "cpu/packing.h"
#include "cpu/vector.h"

namespace dfmerge {
namespace DFMERGE_ISA {
namespace {

constexpr int kMr = DFMERGE_MR;
constexpr int kNr = 2 * kLanes;
static_assert(kMr <= kMaxTileRows, "the driver's arrays hold kMaxTileRows");

// left[m], right[m] += sum over steps of a[step, m] b[step, 0..lanes) and b[step, lanes..2 lanes)
template <class Format, int M>
inline __attribute__((always_inline)) void accumulate_tile(int64_t steps, const float* a, int64_t a_stride,
                                                           const float* b, Vector (&left)[M], Vector (&right)[M]) {
  for (int64_t step = 0; step < steps; ++step) {
    const Vector b0 = load(b), b1 = load(b + kLanes);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const Vector word = broadcast(a[m]);
      left[m] = Format::multiply_add(left[m], word, b0);
      right[m] = Format::multiply_add(right[m], word, b1);
    }
    a += a_stride;
    b += kNr;
  }
}

// Does the same where the words of a row of A follow one another and its rows are row_stride words apart.
template <class Format, int M>
inline __attribute__((always_inline)) void accumulate_rows(int64_t steps, const float* a, int64_t row_stride,
                                                           const float* b, Vector (&left)[M], Vector (&right)[M]) {
  // Every third row has a pointer, and the rows between are reached by three offsets: this much fits a machine's
  // address modes and registers.
  constexpr int kBases = (M + 2) / 3;
  const float* base[kBases];
#pragma GCC unroll 16
  for (int i = 0; i < kBases; ++i) base[i] = a + 3 * i * row_stride;
  for (int64_t step = 0; step < steps; ++step, b += kNr) {
    const Vector b0 = load(b), b1 = load(b + kLanes);
    const int64_t offset[3] = {step, step + row_stride, step + 2 * row_stride};
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const Vector word = broadcast(base[m / 3][offset[m % 3]]);
      left[m] = Format::multiply_add(left[m], word, b0);
      right[m] = Format::multiply_add(right[m], word, b1);
    }
  }
}

// Clears the sums. An initialiser would not do, because compilers clear such arrays in memory first, which costs more
// than a short segment's product.
template <int M>
inline __attribute__((always_inline)) void clear(Vector (&left)[M], Vector (&right)[M]) {
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) left[m] = right[m] = broadcast(0.0f);
}

// Fetches the cache lines of a full tile's rows, so that they are there when the product is. The rows lie apart, where
// no hardware prefetcher looks.
template <int M>
inline __attribute__((always_inline)) void prefetch_tile(const float* c, int64_t ldc) {
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    __builtin_prefetch(c + m * ldc, 1);
    __builtin_prefetch(c + m * ldc + kLanes, 1);
  }
}

template <class Format, int M>
void multiply(int columns, int64_t steps, LeftTile a, const float* b, float* c, int64_t ldc, bool accumulate) {
  Vector left[M], right[M];
  prefetch_tile<M>(c, ldc);
  clear(left, right);
  if (Format::kPlain && a.row_stride != 1)
    accumulate_rows<Format, M>(steps, a.words, a.row_stride, b, left, right);
  else
    accumulate_tile<Format, M>(steps, a.words, a.step_stride, b, left, right);
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

inline __attribute__((always_inline)) Vector folded(Vector target, Vector g, float weight, bool squared) {
  return target + weight * (squared ? g * g : g);
}

// Computes one segment. The target's tile stays in the first-level cache from segment to segment. kExtra is a template
// parameter so that the common case starts from cleared registers and never from memory.
template <class Format, int M, bool kExtra>
void outer(int columns, const float* a, const float* b, const OuterSegment& segment, const float* const* extra,
           bool squared, float* target, int64_t ld) {
  Vector left[M], right[M];
  clear(left, right);
  float tile[M][kNr];
  if constexpr (kExtra) {  // rows of the embedding that this segment's inputs or labels touch
    for (int m = 0; m < M; ++m) {
      if (!extra[m]) continue;
      for (int n = 0; n < kNr; ++n) tile[m][n] = n < columns ? extra[m][n] : 0.0f;
      left[m] = load(tile[m]);
      right[m] = load(tile[m] + kLanes);
    }
  }
  accumulate_tile<Format, M>(segment.steps, a + segment.a * kMr, kMr, b + segment.b * kNr, left, right);
  if (columns == kNr) {
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      float* row = target + m * ld;
      store(row, folded(load(row), left[m], segment.weight, squared));
      store(row + kLanes, folded(load(row + kLanes), right[m], segment.weight, squared));
    }
    return;
  }
  for (int m = 0; m < M; ++m) {
    store(tile[m], left[m]);
    store(tile[m] + kLanes, right[m]);
    for (int n = 0; n < columns; ++n) {
      const float g = tile[m][n];
      target[m * ld + n] += segment.weight * (squared ? g * g : g);
    }
  }
}

// Computes all segments of half a tile, while that half of the target stays in registers.
template <class Format, int M>
void outer_in_registers(const float* a, const float* b, const OuterSegment* segments, int64_t count, bool squared,
                        float* target, int64_t ld) {
  Vector left[M], right[M], target_left[M], target_right[M];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    target_left[m] = load(target + m * ld);
    target_right[m] = load(target + m * ld + kLanes);
  }
  for (int64_t s = 0; s < count; ++s) {
    const OuterSegment& segment = segments[s];
    clear(left, right);
    accumulate_tile<Format, M>(segment.steps, a + segment.a * kMr, kMr, b + segment.b * kNr, left, right);
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      target_left[m] = folded(target_left[m], left[m], segment.weight, squared);
      target_right[m] = folded(target_right[m], right[m], segment.weight, squared);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    store(target + m * ld, target_left[m]);
    store(target + m * ld + kLanes, target_right[m]);
  }
}
// The longest segments that outer_in_registers takes, in steps. With 16 lanes there are registers enough for the target
// and for enough chains of sums at any depth. With fewer lanes it is faster only where little is summed.
constexpr int64_t kShortSteps = kLanes == 16 ? INT64_MAX : 12;

template <class Format, int M>
void outer_segments(int columns, const float* a, const float* b, const OuterSegment* segments, int64_t count,
                    const float* const* extra, bool squared, float* target, int64_t ld) {
  if (extra) return outer<Format, M, true>(columns, a, b, *segments, extra, squared, target, ld);
  for (int64_t s = 0; s < count;) {
    if constexpr (M % 2 == 0) {
      int64_t end = s;
      while (end < count && segments[end].steps <= kShortSteps) ++end;
      if (columns == kNr && end > s) {
        prefetch_tile<M>(target + M * ld, ld);  // the next tile's rows
        outer_in_registers<Format, M / 2>(a, b, segments + s, end - s, squared, target, ld);
        outer_in_registers<Format, M / 2>(a + M / 2, b, segments + s, end - s, squared, target + M / 2 * ld, ld);
        s = end;
        continue;
      }
    }
    outer<Format, M, false>(columns, a, b, segments[s++], nullptr, squared, target, ld);
  }
}

template <class Format, int M>
void multiply_switch(int rows, int columns, int64_t steps, LeftTile a, const float* b, float* c, int64_t ldc,
                     bool accumulate) {
  if (rows == M) return multiply<Format, M>(columns, steps, a, b, c, ldc, accumulate);
  if constexpr (M > 1) multiply_switch<Format, M - 1>(rows, columns, steps, a, b, c, ldc, accumulate);
}

template <class Format, int M>
void outer_switch(int rows, int columns, const float* a, const float* b, const OuterSegment* segments, int64_t count,
                  const float* const* extra, bool squared, float* target, int64_t ld) {
  if (rows == M) return outer_segments<Format, M>(columns, a, b, segments, count, extra, squared, target, ld);
  if constexpr (M > 1) outer_switch<Format, M - 1>(rows, columns, a, b, segments, count, extra, squared, target, ld);
}

template <class Format>
constexpr MatmulKernels table() {
  return {kMr,
          kNr,
          Format::kUnit,
          pack<Format, kMr>,
          pack<Format, kNr>,
          multiply_switch<Format, kMr>,
          outer_switch<Format, kMr>,
          Format::kPlain};
}

}  // namespace
}  // namespace DFMERGE_ISA

#define DFMERGE_JOIN(a, b) a##b
#define DFMERGE_TABLE(prefix, isa) DFMERGE_JOIN(prefix, isa)

#if DFMERGE_NATIVE_BF16
extern const MatmulKernels DFMERGE_TABLE(kBf16Matmul_, DFMERGE_ISA);
const MatmulKernels DFMERGE_TABLE(kBf16Matmul_, DFMERGE_ISA) = DFMERGE_ISA::table<DFMERGE_ISA::Bf16>();
#else
extern const MatmulKernels DFMERGE_TABLE(kFloatMatmul_, DFMERGE_ISA);
const MatmulKernels DFMERGE_TABLE(kFloatMatmul_, DFMERGE_ISA) = DFMERGE_ISA::table<DFMERGE_ISA::Float>();
// Stands in for bfloat16 where there are no instructions for it: operands are rounded to bfloat16 and multiplied as
// float32.
extern const MatmulKernels DFMERGE_TABLE(kRoundedMatmul_, DFMERGE_ISA);
const MatmulKernels DFMERGE_TABLE(kRoundedMatmul_, DFMERGE_ISA) = DFMERGE_ISA::table<DFMERGE_ISA::Rounded>();
#endif

}  // namespace dfmerge
