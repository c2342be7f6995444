#include "cpu/isa.h"

#include <cstdlib>

#include "core/error.h"
#include "cpu/amx.h"

namespace dfmerge {

#if DFMERGE_X86
extern const Kernels kKernels_avx512;
extern const Kernels kKernels_avx2;
extern const MatmulKernels kBf16Matmul_avx512bf16;
#endif
#if DFMERGE_AMX
extern const MatmulKernels kBf16Matmul_amx;
#endif
extern const MatmulKernels kBf16Matmul_amx_emulated;
extern const Kernels kKernels_generic;
extern const Kernels kKernels_scalar;

namespace {
bool always() { return true; }

Kernels with_bf16_matmul(const char* name, Kernels kernels, const MatmulKernels& products) {
  kernels.name = name;
  kernels.bf16_matmul = &products;
  return kernels;
}

MatmulKernels with_short_segments(MatmulKernels products, const MatmulKernels& of_short_segments) {
  products.short_segments = &of_short_segments;
  return products;
}

#if DFMERGE_X86
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// The kernels of AVX-512, whose bfloat16 products use the instructions for them.
const Kernels& avx512_bf16() {
  static const Kernels kernels = with_bf16_matmul("avx512bf16", kKernels_avx512, kBf16Matmul_avx512bf16);
  return kernels;
}
#endif

#if DFMERGE_AMX
// These kernels were written where no machine with AMX was at hand. Should they multiply wrongly on one, the set is
// unavailable there, instead of its results being wrong.
bool has_amx() {
  static const bool exact = has_avx512_bf16() && amx_granted() && matmul_is_exact(kBf16Matmul_amx);
  return exact;
}

const Kernels& amx() {
  static const MatmulKernels products = with_short_segments(kBf16Matmul_amx, kBf16Matmul_avx512bf16);
  static const Kernels kernels = with_bf16_matmul("amx", kKernels_avx512, products);
  return kernels;
}
#endif

bool emulation_is_exact() {
  static const bool exact = matmul_is_exact(kBf16Matmul_amx_emulated);
  return exact;
}

const Kernels& amx_emulated() {
  static const MatmulKernels products = with_short_segments(kBf16Matmul_amx_emulated, *kKernels_generic.bf16_matmul);
  static const Kernels kernels = with_bf16_matmul("amx_emulated", kKernels_generic, products);
  return kernels;
}
}  // namespace

const std::vector<Isa>& instruction_sets() {
  static const std::vector<Isa> sets = {
#if DFMERGE_AMX
      {"amx", &amx(), has_amx, false},
#endif
#if DFMERGE_X86
      {"avx512bf16", &avx512_bf16(), has_avx512_bf16, false},
      {"avx512", &kKernels_avx512, has_avx512, false},
      {"avx2", &kKernels_avx2, has_avx2, false},
#endif
      {"generic", &kKernels_generic, always, false},
      {"scalar", &kKernels_scalar, always, false},
      {"amx_emulated", &amx_emulated(), emulation_is_exact, true},
  };
  return sets;
}

const Kernels& select_kernels(const std::string& name) {
  const char* forced = std::getenv("DFMERGE_ISA");
  const std::string wanted = !name.empty() ? name : forced ? forced : "";
  std::string known;
  for (const Isa& isa : instruction_sets()) {
    if (wanted.empty() ? !isa.for_tests && isa.available() : wanted == isa.name) {
      if (isa.available()) return *isa.kernels;
      fail("UNSUPPORTED", "this machine has no %s: unset DFMERGE_ISA to let dfmerge choose", isa.name);
    }
    if (!isa.for_tests) known += known.empty() ? isa.name : std::string(", ") + isa.name;
  }
  fail("UNSUPPORTED", "unknown instruction set \"%s\": this build has %s", wanted.c_str(), known.c_str());
}

}  // namespace dfmerge
