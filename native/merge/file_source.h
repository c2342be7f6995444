// Tensors of files as a source of merges.
#pragma once
#include <memory>
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
  // Throws MISMATCH where a file is not the one that was opened any more, and IO where it cannot be read.
  void check() const override {
    for (const auto& file : files_) file->check();
  }
  const float* read(int tensor, ElementRange range, float* buffer) const override {
    return readers_[tensor].read(kernels_, range, buffer);
  }

 private:
  const Kernels& kernels_;
  std::vector<std::shared_ptr<const MappedFile>> files_;
  std::vector<TensorReader> readers_;
};

}  // namespace dfmerge
