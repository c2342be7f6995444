#include "cpu/isa.h"

#include <cstdlib>

#include "error.h"

namespace dfmerge {

#if DFMERGE_X86
extern const Kernels kKernels_avx512;
extern const Kernels kKernels_avx2;
extern const ProductKernels kBf16Products_avx512bf16;
#endif
extern const Kernels kKernels_generic;
extern const Kernels kKernels_scalar;

namespace {
bool always() { return true; }
#if DFMERGE_X86
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}
bool has_avx512_bf16() { return has_avx512() && __builtin_cpu_supports("avx512bf16"); }

// AVX-512's kernels, with instructions for bfloat16.
const Kernels& avx512_bf16() {
  static const Kernels kernels = [] {
    Kernels k = kKernels_avx512;
    k.name = "avx512bf16";
    k.bf16_products = &kBf16Products_avx512bf16;
    return k;
  }();
  return kernels;
}
#endif
}  // namespace

const std::vector<Isa>& instruction_sets() {
  static const std::vector<Isa> sets = {
#if DFMERGE_X86
      {"avx512bf16", &avx512_bf16(), has_avx512_bf16},
      {"avx512", &kKernels_avx512, has_avx512},
      {"avx2", &kKernels_avx2, has_avx2},
#endif
      {"generic", &kKernels_generic, always},
      {"scalar", &kKernels_scalar, always},
  };
  return sets;
}

const Kernels& select_kernels(const std::string& name) {
  const char* forced = std::getenv("DFMERGE_ISA");
  const std::string wanted = !name.empty() ? name : forced ? forced : "";
  std::string known;
  for (const Isa& isa : instruction_sets()) {
    if (wanted.empty() ? isa.available() : wanted == isa.name) {
      if (isa.available()) return *isa.kernels;
      fail("UNSUPPORTED", "this machine has no %s: unset DFMERGE_ISA to let dfmerge choose", isa.name);
    }
    known += known.empty() ? isa.name : std::string(", ") + isa.name;
  }
  fail("UNSUPPORTED", "unknown instruction set \"%s\": this build has %s", wanted.c_str(), known.c_str());
}

}  // namespace dfmerge
