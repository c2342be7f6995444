// Where the driver of merges gets elements from.
#pragma once
#include "cpu/kernels.h"
#include "storage/tensor_reader.h"

namespace dfmerge {

// The values of several tensors, counted as the tensors of a walk are (merge/driver.h). Several threads may read at the
// same time.
class Source {
 public:
  virtual ~Source() = default;
  // Returns at most kChunk elements of a tensor as float32: a pointer to where they lie, or `buffer`, which is filled.
  virtual const float* read(int tensor, ElementRange range, float* buffer) const = 0;
  // Throws where what is read, or was read, cannot be trusted: a file that somebody changed, for one.
  virtual void check() const {}
};

}  // namespace dfmerge
