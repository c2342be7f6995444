// Which kernels run: the best that this machine has, or those that DFMERGE_ISA names.
#pragma once
#include <string>
#include <vector>

#include "cpu/kernels.h"

namespace dfmerge {

struct Isa {
  const char* name;  // amx, avx512bf16, avx512, avx2, generic, scalar, amx_emulated
  const Kernels* kernels;
  bool (*available)();  // whether this machine can run them
  bool for_tests;       // such a set runs only where it is named, and is not offered
};

// Every instruction set of this build, best first. At the end comes amx_emulated, the code for AMX with its tiles in
// plain C++.
const std::vector<Isa>& instruction_sets();
// The kernels of that name; where it is empty, those that the environment variable DFMERGE_ISA names, or else the best.
// Throws UNSUPPORTED where a named set is not in this build or not on this machine.
const Kernels& select_kernels(const std::string& name = "");

}  // namespace dfmerge
