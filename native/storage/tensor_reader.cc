#include "storage/tensor_reader.h"

#include <cstring>
#include <utility>

#include "core/error.h"

namespace dfmerge {

TensorReader::TensorReader(std::shared_ptr<const MappedFile> file, const TensorRange& range)
    : file_(std::move(file)), offset_(range.offset), dtype_(range.dtype) {
  // Divided instead of multiplied, so that no number is too large for the check.
  const int64_t size = file_->size();
  if (range.offset < 0 || range.offset > size || range.elements < 0 ||
      range.elements > (size - range.offset) / size_of(range.dtype))
    fail("INVALID_CHECKPOINT", "%s: %s needs bytes %lld and on for %lld elements of %lld bytes, of a file of %lld",
         file_->path().c_str(), range.name.c_str(), static_cast<long long>(range.offset),
         static_cast<long long>(range.elements), static_cast<long long>(size_of(range.dtype)),
         static_cast<long long>(size));
}

const float* TensorReader::read(const Kernels& kernels, ElementRange range, float* buffer) const {
  const int64_t width = size_of(dtype_);
  alignas(64) uint8_t raw[kChunk * 4];
  const uint8_t* bytes = file_->bytes(offset_ + range.first * width, range.count * width, raw);
  if (dtype_ == DType::F32) {
    if (bytes != raw && reinterpret_cast<uintptr_t>(bytes) % 4 == 0) return reinterpret_cast<const float*>(bytes);
    std::memcpy(buffer, bytes, static_cast<size_t>(range.count * 4));
    return buffer;
  }
  if (bytes != raw && reinterpret_cast<uintptr_t>(bytes) % 2 != 0) {
    std::memcpy(raw, bytes, static_cast<size_t>(range.count * 2));
    bytes = raw;
  }
  const auto* halves = reinterpret_cast<const uint16_t*>(bytes);
  dtype_ == DType::BF16 ? kernels.from_bf16(buffer, halves, range.count)
                        : kernels.from_f16(buffer, halves, range.count);
  return buffer;
}

}  // namespace dfmerge
