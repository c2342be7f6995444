// Which kernels run: the best that this machine has, or the one that DFMERGE_ISA names. amx_emulated is AMX's code on tiles in plain C++,
// for tests; it runs where it is named only.
#pragma once
#include <string>
#include <vector>

#include "cpu/kernels.h"

namespace dfmerge {

struct Isa {
  const char* name;  // amx, avx512bf16, avx512, avx2, generic, scalar, amx_emulated
  const Kernels* kernels;
  bool (*available)();  // on this machine
};

// Every instruction set of this build, best first, but for the emulated one at the end.
const std::vector<Isa>& instruction_sets();
// The kernels to use. `name` empty: the environment variable DFMERGE_ISA, else the best available.
// Throws UNSUPPORTED where a named set is not in this build or not on this machine.
const Kernels& select_kernels(const std::string& name = "");

}  // namespace dfmerge
