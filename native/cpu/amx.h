// Whether this process can multiply on AMX's tiles.
#pragma once
#include "cpu/matmul_kernels.h"

namespace dfmerge {

// Whether the processor has tiles and their bfloat16 products, and the operating system lets this process use them.
// Linux wants to be asked, which is done once; its permission holds for threads that start later, too.
bool amx_granted();

// Whether a table multiplies small integers exactly, as every format and every order of sums should. A product and two
// segments are tried.
bool matmul_is_exact(const MatmulKernels& kernels);

}  // namespace dfmerge
