// Where the elements of a tensor lie in a file. Nothing here knows an architecture: a range may be any tensor of any
// safetensors file.
#pragma once
#include <cstdint>
#include <string>

#include "core/dtype.h"

namespace dfmerge {

struct TensorRange {
  std::string name;  // for messages
  std::string file;
  int64_t offset;  // bytes from the start of the file, of any alignment
  DType dtype;
  int64_t elements;

  int64_t bytes() const { return elements * size_of(dtype); }
};

// Elements [first, first + count) of a tensor.
struct ElementRange {
  int64_t first, count;
};

}  // namespace dfmerge
