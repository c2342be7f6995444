// Vectors of one instruction set's width (DFMERGE_LANES floats) and the formats of packed words. Only the kernels of an
// instruction set include this file. It uses the compiler's vector extensions, and intrinsics where an instruction has
// no other name.
#pragma once
#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace dfmerge {
namespace DFMERGE_ISA {
namespace {

#define DFMERGE_INLINE inline __attribute__((always_inline))

constexpr int kLanes = DFMERGE_LANES;

#if DFMERGE_LANES > 1
typedef float Vector __attribute__((vector_size(kLanes * 4)));
typedef float Unaligned __attribute__((vector_size(kLanes * 4), aligned(4)));
typedef uint32_t Words __attribute__((vector_size(kLanes * 4)));
DFMERGE_INLINE Vector load(const float* p) { return *reinterpret_cast<const Unaligned*>(p); }
DFMERGE_INLINE void store(float* p, Vector v) { *reinterpret_cast<Unaligned*>(p) = v; }
DFMERGE_INLINE Vector broadcast(float x) { return x - Vector{}; }  // exact, even for signed zeros
#else
typedef float Vector;
typedef uint32_t Words;
DFMERGE_INLINE Vector load(const float* p) { return *p; }
DFMERGE_INLINE void store(float* p, Vector v) { *p = v; }
DFMERGE_INLINE Vector broadcast(float x) { return x; }
#endif

// These load and store the first `count` lanes. The others are zero, or are not written.
#if defined(__AVX512F__)
DFMERGE_INLINE __mmask16 first(int64_t count) { return static_cast<__mmask16>((1u << (count < 16 ? count : 16)) - 1u); }
DFMERGE_INLINE Vector load(const float* p, int64_t count) { return (Vector)_mm512_maskz_loadu_ps(first(count), p); }
DFMERGE_INLINE void store(float* p, Vector v, int count) { _mm512_mask_storeu_ps(p, first(count), (__m512)v); }
#elif DFMERGE_LANES > 1
DFMERGE_INLINE Vector load(const float* p, int64_t count) {
  Vector v = {};
  for (int i = 0; i < kLanes; ++i)
    if (i < count) v[i] = p[i];
  return v;
}
DFMERGE_INLINE void store(float* p, Vector v, int count) {
  for (int i = 0; i < kLanes; ++i)
    if (i < count) p[i] = v[i];
}
#else
DFMERGE_INLINE Vector load(const float* p, int64_t count) { return count > 0 ? *p : 0.0f; }
DFMERGE_INLINE void store(float* p, Vector v, int) { *p = v; }
#endif

DFMERGE_INLINE Words as_words(Vector v) {
  Words w;
  __builtin_memcpy(&w, &v, sizeof w);
  return w;
}
DFMERGE_INLINE Vector as_floats(Words w) {
  Vector v;
  __builtin_memcpy(&v, &w, sizeof v);
  return v;
}

// Stores past the caches; p lies on a vector's boundary. end_streaming() comes before another thread is told that the
// values are there.
#if defined(__AVX512F__)
DFMERGE_INLINE void store_streaming(float* p, Vector v) { _mm512_stream_ps(p, (__m512)v); }
#elif defined(__AVX2__)
DFMERGE_INLINE void store_streaming(float* p, Vector v) { _mm256_stream_ps(p, (__m256)v); }
#elif defined(__SSE2__) && DFMERGE_LANES == 4
DFMERGE_INLINE void store_streaming(float* p, Vector v) { _mm_stream_ps(p, (__m128)v); }
#else
DFMERGE_INLINE void store_streaming(float* p, Vector v) { store(p, v); }
#endif
DFMERGE_INLINE void end_streaming() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

#if DFMERGE_LANES > 1
DFMERGE_INLINE bool all_below(Words w, uint32_t bound) {
  bool below = true;
  for (int i = 0; i < kLanes; ++i) below &= w[i] < bound;
  return below;
}
#else
DFMERGE_INLINE bool all_below(Words w, uint32_t bound) { return w < bound; }
#endif

// Exchanges rows[i][j] and rows[j][i]. For H = 1, 2, 4 and so on, two rows at distance H exchange the blocks of H lanes
// beside the diagonal.
#if DFMERGE_AMX_EMULATED  // vectors wider than the machine's, whose shuffles would be very long
__attribute__((noinline)) void transpose(Vector (&rows)[kLanes]) {
  for (int i = 0; i < kLanes; ++i)
    for (int j = 0; j < i; ++j) {
      const float other = rows[i][j];
      rows[i][j] = rows[j][i];
      rows[j][i] = other;
    }
}
#elif DFMERGE_LANES > 1
#if defined(__clang__) || __GNUC__ >= 12
template <int... I>
DFMERGE_INLINE Vector shuffle(Vector a, Vector b) {
  return __builtin_shufflevector(a, b, I...);
}
#else
template <int... I>
DFMERGE_INLINE Vector shuffle(Vector a, Vector b) {
  typedef int Index __attribute__((vector_size(kLanes * 4)));
  return __builtin_shuffle(a, b, Index{I...});
}
#endif

template <int... I>
struct Lanes {
  template <int H>
  static DFMERGE_INLINE Vector low(Vector a, Vector b) {
    return shuffle<((I & H) ? kLanes + I - H : I)...>(a, b);
  }
  template <int H>
  static DFMERGE_INLINE Vector high(Vector a, Vector b) {
    return shuffle<((I & H) ? kLanes + I : I + H)...>(a, b);
  }
};
#if DFMERGE_LANES == 4
typedef Lanes<0, 1, 2, 3> AllLanes;
#elif DFMERGE_LANES == 8
typedef Lanes<0, 1, 2, 3, 4, 5, 6, 7> AllLanes;
#else
typedef Lanes<0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15> AllLanes;
#endif

template <int H = 1>
DFMERGE_INLINE void transpose(Vector (&rows)[kLanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < kLanes; ++i) {
    if (i & H) continue;
    const Vector a = rows[i], b = rows[i + H];
    rows[i] = AllLanes::low<H>(a, b);
    rows[i + H] = AllLanes::high<H>(a, b);
  }
  if constexpr (2 * H < kLanes) transpose<2 * H>(rows);
}
#else
DFMERGE_INLINE void transpose(Vector (&)[1]) {}
#endif

// A format makes packed words of floats: words(p) takes kLanes * kUnit floats that follow one another in depth,
// pairs(p, q) takes kLanes columns at depth p and, in a format with two depths per word, at the next depth q (null past
// the end). With a count, only so many floats are there.
struct Float {
  static constexpr int kUnit = 1;
  static constexpr bool kPlain = true;
  static DFMERGE_INLINE Vector multiply_add(Vector sum, Vector a, Vector b) { return sum + a * b; }
  static DFMERGE_INLINE Vector words(const float* p) { return load(p); }
  static DFMERGE_INLINE Vector words(const float* p, int64_t count) { return load(p, count); }
  static DFMERGE_INLINE Vector pairs(const float* p, const float*) { return load(p); }
  static DFMERGE_INLINE Vector pairs(const float* p, const float*, int count) { return load(p, count); }
};

// Rounds to the nearest bfloat16, ties to even, and leaves it a float; NaN stays NaN.
DFMERGE_INLINE Vector rounded(Vector v) {
  const Words w = as_words(v);
  const Words nearest = (w + 0x7fffu + ((w >> 16) & 1u)) & 0xffff0000u;
  const Words magnitude = w & 0x7fffffffu;
  return as_floats(magnitude > 0x7f800000u ? (w | 0x00400000u) & 0xffff0000u : nearest);
}

struct Rounded {
  static constexpr int kUnit = 1;
  static constexpr bool kPlain = false;
  static DFMERGE_INLINE Vector multiply_add(Vector sum, Vector a, Vector b) { return sum + a * b; }
  static DFMERGE_INLINE Vector words(const float* p) { return rounded(load(p)); }
  static DFMERGE_INLINE Vector words(const float* p, int64_t count) { return rounded(load(p, count)); }
  static DFMERGE_INLINE Vector pairs(const float* p, const float*) { return rounded(load(p)); }
  static DFMERGE_INLINE Vector pairs(const float* p, const float*, int count) { return rounded(load(p, count)); }
};

#if DFMERGE_NATIVE_BF16
struct Bf16 {
  static constexpr int kUnit = 2;
  static constexpr bool kPlain = false;
  static DFMERGE_INLINE Vector multiply_add(Vector sum, Vector a, Vector b) {
    return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
  }
  static DFMERGE_INLINE Vector words_of(Vector low, Vector high) {
    return (Vector)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
  }
  static DFMERGE_INLINE Vector words(const float* p) { return words_of(load(p), load(p + kLanes)); }
  static DFMERGE_INLINE Vector words(const float* p, int64_t count) {
    return words_of(load(p, count), count > kLanes ? load(p + kLanes, count - kLanes) : broadcast(0.0f));
  }
  // Rounds p and q to 32 halves and puts each p beside its q.
  static DFMERGE_INLINE Vector interleaved(Vector p, Vector q) {
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (Vector)_mm512_permutexvar_epi16(order, (__m512i)words_of(p, q));
  }
  static DFMERGE_INLINE Vector pairs(const float* p, const float* q) {
    return interleaved(load(p), q ? load(q) : broadcast(0.0f));
  }
  static DFMERGE_INLINE Vector pairs(const float* p, const float* q, int count) {
    return interleaved(load(p, count), q ? load(q, count) : broadcast(0.0f));
  }
};
#endif

}  // namespace
}  // namespace DFMERGE_ISA
}  // namespace dfmerge
