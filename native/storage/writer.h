// Writes parameters at known offsets of files whose headers TypeScript has written.
#pragma once
#include "cpu/context.h"
#include "storage/source.h"

namespace dfmerge {

// Converts each parameter of `block` to its target's dtype and writes it there. Throws NUMERIC, naming the tensor,
// before a value that is not finite (in the target's dtype) reaches the disk; IO where writing fails.
void write_tensors(Context& context, const ParamTable& table, const float* block,
                   const std::vector<TensorSource>& targets);

}  // namespace dfmerge
