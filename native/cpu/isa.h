// Which kernels run: the best that this machine has, or the one that DFMERGE_ISA names.
#pragma once
#include <string>
#include <vector>

#include "cpu/kernels.h"

namespace dfmerge {

struct Isa {
  const char* name;  // amx, avx512bf16, avx512, avx2, generic, scalar, amx_emulated
  const Kernels* kernels;
  bool (*available)();  // on this machine
  bool for_tests;       // runs where it is named only, and is not offered
};

// Every instruction set of this build, best first; at the end amx_emulated, the code for AMX on tiles in plain C++.
const std::vector<Isa>& instruction_sets();
// The kernels to use. `name` empty: the environment variable DFMERGE_ISA, else the best available.
// Throws UNSUPPORTED where a named set is not in this build or not on this machine.
const Kernels& select_kernels(const std::string& name = "");

}  // namespace dfmerge
