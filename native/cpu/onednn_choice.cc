#include <cstdlib>

#include "core/error.h"
#include "cpu/onednn.h"

#if DFMERGE_X86
#include <cpuid.h>
#endif

namespace dfmerge {

#ifdef DFMERGE_ONEDNN
#define DFMERGE_TEXT_OF(x) #x
#define DFMERGE_TEXT(x) DFMERGE_TEXT_OF(x)
const char* onednn_built() { return DFMERGE_TEXT(DFMERGE_ONEDNN); }
#else
const char* onednn_built() { return ""; }
#endif

namespace {

// Whether the processor multiplies tiles of bfloat16. There oneDNN is the default, because the built-in kernels have
// not been measured on such a machine. Elsewhere they come within a tenth of oneDNN's rate (CONTRIBUTING.md) and are
// the same in every build, so they are the default.
[[maybe_unused]] bool has_amx_bf16() {
#if DFMERGE_X86
  constexpr unsigned kAmxBf16 = 1u << 22, kAmxTile = 1u << 24;
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAmxBf16) && (d & kAmxTile);
#else
  return false;
#endif
}

}  // namespace

std::unique_ptr<Onednn> select_onednn(bool bf16, const std::string& wanted) {
  const char* forced = std::getenv("DFMERGE_MATMUL");
  const std::string name = !wanted.empty() ? wanted : forced ? forced : "";
  if (name == "builtin") return nullptr;
  if (!name.empty() && name != "onednn")
    fail("UNSUPPORTED", "DFMERGE_MATMUL: unknown matrix products \"%s\": expected builtin or onednn", name.c_str());
#ifdef DFMERGE_ONEDNN
  if (!name.empty()) return make_onednn(bf16);
  // Whoever asks for an instruction set asks for its products too.
  if (!bf16 || !has_amx_bf16() || std::getenv("DFMERGE_ISA")) return nullptr;
  try {
    return make_onednn(bf16);
  } catch (const Error&) {
    return nullptr;  // this machine cannot have it; `dfmerge info` says what runs instead
  }
#else
  (void)bf16;
  if (name.empty()) return nullptr;
  fail("UNSUPPORTED", "this build has no oneDNN: install libdnnl-dev and build again, or unset DFMERGE_MATMUL");
#endif
}

}  // namespace dfmerge
