// The tile registers of Intel AMX, in the one shape that the kernels use: 16 rows of 16 words of 32 bits. Only
// amx_kernels.cc includes this file. With DFMERGE_AMX_EMULATED it has the same operations in plain C++, in the order of
// float operations that Intel documents (Software Developer's Manual, volume 2, TDPBF16PS), so that the code above them
// runs on every machine.
#pragma once
#include "cpu/vector.h"

namespace dfmerge {
namespace DFMERGE_ISA {
namespace {

constexpr int kTile = 16;  // rows of a tile, and words of its row

#if !DFMERGE_AMX_EMULATED

// This class does without the compiler's intrinsics. They take a register's number as a literal only, and GCC's load
// does not wait for stores to the memory that it reads.
class Tiles {
 public:
  // The configuration stays with the thread, because loading it costs more than a small product. It is compared first,
  // because other code that uses tiles on this thread may have changed it.
  Tiles() {
    alignas(64) char current[64];
    asm volatile("sttilecfg %0" : "=m"(current));
    if (_mm512_cmpneq_epi64_mask(_mm512_load_si512(current), _mm512_load_si512(&kConfiguration)))
      asm volatile("ldtilecfg %0" ::"m"(kConfiguration));
  }
  template <int T>
  DFMERGE_INLINE void zero() {
    asm volatile("tilezero %%tmm%c0" ::"i"(T));
  }
  // Row r is at p + r * stride words.
  template <int T>
  DFMERGE_INLINE void load(const float* p, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(p), "r"(stride * 4), "i"(T) : "memory");
  }
  template <int T>
  DFMERGE_INLINE void store(float* p, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(p), "r"(stride * 4), "i"(T) : "memory");
  }
  // C[m, n] += sum over words k of A[m, k] B[k, n], a word being two bfloat16.
  template <int C, int A, int B>
  DFMERGE_INLINE void multiply_add() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
  }

 private:
  struct alignas(64) Configuration {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
  };
  static constexpr Configuration kConfiguration = {
      1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
};

#else

DFMERGE_INLINE Vector low_half(Vector v) { return as_floats(as_words(v) << 16); }
DFMERGE_INLINE Vector high_half(Vector v) { return as_floats(as_words(v) & 0xffff0000u); }

// Makes zeros of denormal numbers and keeps their sign, as the instruction does with its operands and results.
DFMERGE_INLINE Vector flushed(Vector v) {
  const Words w = as_words(v);
  return as_floats((w & 0x7f800000u) == 0u ? w & 0x80000000u : w);
}

class Tiles {
 public:
  template <int T>
  void zero() {
    for (auto& row : tiles_[T]) row = Vector{};
  }
  template <int T>
  void load(const float* p, int64_t stride) {
    for (int r = 0; r < kTile; ++r) tiles_[T][r] = dfmerge::DFMERGE_ISA::load(p + r * stride);
  }
  template <int T>
  void store(float* p, int64_t stride) {
    for (int r = 0; r < kTile; ++r) dfmerge::DFMERGE_ISA::store(p + r * stride, tiles_[T][r]);
  }
  template <int C, int A, int B>
  void multiply_add() {
    dot_products(tiles_[C], tiles_[A], tiles_[B]);
  }

 private:
  // The products of the low halves are summed in one chain that starts at zero, those of the high halves in another,
  // and the sum of both is added to C. Every step is rounded to the nearest float32 (a product of two bfloat16 is
  // exact, so this is the instruction's fused multiply-add).
  static __attribute__((noinline)) void dot_products(Vector* c, const Vector* a, const Vector* b) {
    for (int m = 0; m < kTile; ++m) {
      Vector low = {}, high = {};
#pragma GCC unroll 1
      for (int k = 0; k < kTile; ++k) {
        const Vector word = as_floats(as_words(a[m])[k] - Words{});
        low = flushed(low + flushed(low_half(word)) * flushed(low_half(b[k])));
        high = flushed(high + flushed(high_half(word)) * flushed(high_half(b[k])));
      }
      c[m] = flushed(flushed(c[m]) + flushed(low + high));
    }
  }
  Vector tiles_[8][kTile];
};

// The format that vector.h has under this name, here without instructions for it.
struct Bf16 {
  static constexpr int kUnit = 2;
  static __attribute__((noinline)) Vector words_of(Vector low, Vector high) {
    return as_floats(as_words(rounded(low)) >> 16 | as_words(rounded(high)));
  }
  static DFMERGE_INLINE Vector words(const float* p) { return words(p, 2 * kLanes); }
  static __attribute__((noinline)) Vector words(const float* p, int64_t count) {
    Vector low = {}, high = {};
    for (int i = 0; i < kLanes; ++i) {
      if (2 * i < count) low[i] = p[2 * i];
      if (2 * i + 1 < count) high[i] = p[2 * i + 1];
    }
    return words_of(low, high);
  }
  static DFMERGE_INLINE Vector pairs(const float* p, const float* q) {
    return words_of(load(p), q ? load(q) : Vector{});
  }
  static DFMERGE_INLINE Vector pairs(const float* p, const float* q, int count) {
    return words_of(load(p, count), q ? load(q, count) : Vector{});
  }
};

#endif

}  // namespace
}  // namespace DFMERGE_ISA
}  // namespace dfmerge
