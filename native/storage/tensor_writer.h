// Writes tensors at known offsets of files whose headers TypeScript has written.
#pragma once
#include "device.h"
#include "storage/tensor_range.h"

namespace dfmerge {

class TensorWriter {
 public:
  // Opens the range's file, which must be there. Throws IO where it cannot be opened for writing.
  explicit TensorWriter(const TensorRange& range);
  ~TensorWriter();
  TensorWriter(const TensorWriter&) = delete;
  TensorWriter& operator=(const TensorWriter&) = delete;
  // Converts values [range.count] to the tensor's dtype and writes them to their place. Several threads may write at
  // the same time. Throws NUMERIC, naming the tensor, before a value that is not finite (in the tensor's dtype) reaches
  // the disk, and IO where writing fails.
  void write(const Kernels& kernels, ElementRange range, const float* values) const;

 private:
  void put(const void* bytes, int64_t count, int64_t offset) const;

  TensorRange range_;
  int descriptor_;
};

namespace cpu {
// Writes all values [range.elements] of a tensor on all threads, with the errors of TensorWriter.
void write_tensor(Context& context, const TensorRange& range, const float* values);
}  // namespace cpu

inline constexpr Op<cpu::write_tensor> write_tensor;

}  // namespace dfmerge
