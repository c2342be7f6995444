// Whether this process can multiply on AMX's tiles.
#pragma once
#include "cpu/matmul_kernels.h"

namespace dfmerge {

// The processor has tiles and their bfloat16 products, and the operating system lets this process use them: Linux wants
// to be asked, and lets threads that start later use them too. Asks once.
bool amx_granted();

// Whether a product and two segments of small integers, which every format and order of sums has exactly, come out so.
bool matmul_is_exact(const MatmulKernels& kernels);

}  // namespace dfmerge
