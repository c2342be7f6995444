#include "cpu/amx.h"

#include <cstddef>
#include <limits>
#include <vector>

#if DFMERGE_X86 && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace dfmerge {

namespace {

#if DFMERGE_X86 && defined(__linux__)
bool processor_has_amx() {
  constexpr unsigned kOsXsave = 1u << 27, kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & kOsXsave)) return false;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAmxBf16) && (d & kAmxTile);
}

bool system_saves_tiles() {
  constexpr unsigned kTileState = 3u << 17;  // XTILECFG and XTILEDATA in XCR0
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileState) == kTileState;
}

bool ask() {
  constexpr long kRequestPermission = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return processor_has_amx() && system_saves_tiles() && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}
#else
bool ask() { return false; }
#endif

// Fills panels before they are packed, so that a word that packing leaves out makes NaN of every sum it meets.
constexpr float kUnset = std::numeric_limits<float>::quiet_NaN();

// Small pseudo-random integers, which have no pattern that a wrong index could preserve.
struct Integers {
  unsigned state = 1;
  float next() {
    state = state * 1664525u + 1013904223u;
    return static_cast<float>(static_cast<int>(state >> 29) - 3);
  }
  std::vector<float> take(int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = next();
    return values;
  }
};

// Checks one tile of `rows` x `columns`: the product c = 1 + a b, and the squares of two segments, of which the first
// is the shorter one.
struct Check {
  const MatmulKernels& kernels;
  int rows, columns;
  int64_t depth;

  bool exact() const {
    Integers integers;
    // The operands are a[k, m] and b[k, n]. They are packed twice: from memory in which the columns lie side by side,
    // and from memory in which the depth does.
    const std::vector<float> a = integers.take(depth * rows), b = integers.take(depth * columns);
    return product(a, b, true) && product(a, b, false) && segments(a, b);
  }

 private:
  float dot(const std::vector<float>& a, const std::vector<float>& b, int m, int n, int64_t first, int64_t last) const {
    float sum = 0;
    for (int64_t k = first; k < last; ++k) sum += a[k * rows + m] * b[k * columns + n];
    return sum;
  }

  static std::vector<float> transposed(const std::vector<float>& values, int64_t depth, int width) {
    std::vector<float> out(values.size());
    for (int64_t k = 0; k < depth; ++k)
      for (int w = 0; w < width; ++w) out[w * depth + k] = values[k * width + w];
    return out;
  }

  bool product(const std::vector<float>& a, const std::vector<float>& b, bool turned) const {
    const int64_t steps = kernels.steps(depth);
    std::vector<float> a_packed(kernels.mr * steps, kUnset), b_packed(kernels.nr * steps, kUnset),
        c(rows * columns, 1.0f);
    if (turned) {
      kernels.pack_a(a_packed.data(), depth, rows, transposed(a, depth, rows).data(), 1, depth);
      kernels.pack_b(b_packed.data(), depth, columns, transposed(b, depth, columns).data(), 1, depth);
    } else {
      kernels.pack_a(a_packed.data(), depth, rows, a.data(), rows, 1);
      kernels.pack_b(b_packed.data(), depth, columns, b.data(), columns, 1);
    }
    kernels.micro_kernel(rows, columns, steps, {a_packed.data(), kernels.mr, 1}, b_packed.data(), c.data(), columns,
                         true);
    for (int m = 0; m < rows; ++m)
      for (int n = 0; n < columns; ++n)
        if (c[m * columns + n] != 1.0f + dot(a, b, m, n, 0, depth)) return false;
    return true;
  }

  bool segments(const std::vector<float>& a, const std::vector<float>& b) const {
    const int64_t split = depth / 3, first = kernels.steps(split), steps = first + kernels.steps(depth - split);
    const OuterSegment both[] = {{0, 0, first, 0.5f}, {first, first, steps - first, 2.0f}};
    std::vector<float> a_packed(kernels.mr * steps, kUnset), b_packed(kernels.nr * steps, kUnset),
        target(rows * columns, 3.0f);
    for (int64_t s = 0, k = 0; s < 2; ++s, k = split) {
      const int64_t here = s ? depth - split : split;
      kernels.pack_a(a_packed.data() + both[s].a * kernels.mr, here, rows, a.data() + k * rows, rows, 1);
      kernels.pack_b(b_packed.data() + both[s].b * kernels.nr, here, columns, b.data() + k * columns, columns, 1);
    }
    kernels.outer_tile(rows, columns, a_packed.data(), b_packed.data(), both, 2, nullptr, true, target.data(), columns);
    for (int m = 0; m < rows; ++m)
      for (int n = 0; n < columns; ++n) {
        const float g0 = dot(a, b, m, n, 0, split), g1 = dot(a, b, m, n, split, depth);
        if (target[m * columns + n] != 3.0f + 0.5f * g0 * g0 + 2.0f * g1 * g1) return false;
      }
    return true;
  }
};

}  // namespace

bool amx_granted() {
  static const bool granted = ask();
  return granted;
}

bool matmul_is_exact(const MatmulKernels& kernels) {
  return Check{kernels, kernels.mr, kernels.nr, 128}.exact() &&
         Check{kernels, kernels.mr - 5, kernels.nr - 3, 67}.exact() && Check{kernels, 1, 1, 1}.exact();
}

}  // namespace dfmerge
