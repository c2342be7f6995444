// The elements of a tensor as float32, read a chunk at a time from where they lie.
#pragma once
#include <memory>

#include "cpu/kernels.h"
#include "storage/mapped_file.h"
#include "storage/tensor_range.h"

namespace dfmerge {

// Elements that are converted and worked on at a time: few enough that they and the operands beside them stay in the
// first-level cache.
constexpr int64_t kChunk = 2048;

class TensorReader {
 public:
  // Shares the file. Throws INVALID_CHECKPOINT where the range does not lie within it.
  TensorReader(std::shared_ptr<const MappedFile> file, const TensorRange& range);
  // Returns at most kChunk elements: a pointer into the mapping where they lie there as aligned float32, else `buffer`,
  // which has room for range.count and is filled. Throws IO where reading fails.
  const float* read(const Kernels& kernels, ElementRange range, float* buffer) const;

 private:
  std::shared_ptr<const MappedFile> file_;
  int64_t offset_;
  DType dtype_;
};

}  // namespace dfmerge
