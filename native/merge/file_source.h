// Tensors of files as a source of merges.
#pragma once
#include <vector>

#include "device.h"
#include "merge/source.h"

namespace dfmerge {

// Opens each file once. The stream's device converts dtypes and has to outlive it.
class FileSource : public Source {
 public:
  // Tensor i of a walk is ranges[i]. Throws NOT_FOUND or IO where a file cannot be opened, and INVALID_CHECKPOINT for a
  // range outside its file.
  FileSource(const Stream& stream, const std::vector<TensorRange>& ranges);
  const float* read(int tensor, ElementRange range, float* buffer) const override {
    return readers_[tensor].read(kernels_, range, buffer);
  }

 private:
  const Kernels& kernels_;
  std::vector<TensorReader> readers_;
};

}  // namespace dfmerge
