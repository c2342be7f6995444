// Which kernels run: the best that this machine has, or the one that DFMERGE_ISA names.
#pragma once
#include <string>
#include <vector>

#include "cpu/kernels.h"

namespace dfmerge {

struct Isa {
  const char* name;     // scalar, generic, avx2, avx512, avx512bf16
  const Kernels* kernels;
  bool (*available)();  // on this machine
};

// Every instruction set of this build, best first.
const std::vector<Isa>& instruction_sets();
// The kernels to use. `name` empty: the environment variable DFMERGE_ISA, else the best available.
// Throws UNSUPPORTED where a named set is not in this build or not on this machine.
const Kernels& select_kernels(const std::string& name = "");

}  // namespace dfmerge
