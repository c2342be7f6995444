#include "storage/tensor_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/arithmetic.h"
#include "core/error.h"

namespace dfmerge {

namespace {

constexpr int64_t kPiece = 1 << 16;  // elements that one call to the system writes

// Whether any value is infinite or NaN in half precision, either because it overflowed or because it was so before.
bool lossy(DType dtype, const uint16_t* halves, int64_t count) {
  const uint16_t exponent = dtype == DType::F16 ? 0x7c00 : 0x7f80;
  for (int64_t i = 0; i < count; ++i)
    if ((halves[i] & exponent) == exponent) return true;
  return false;
}

}  // namespace

TensorWriter::TensorWriter(const TensorRange& range)
    : range_(range), descriptor_(open(range.file.c_str(), O_WRONLY | O_CLOEXEC)) {
  if (descriptor_ < 0) fail("IO", "%s: %s", range.file.c_str(), std::strerror(errno));
}

TensorWriter::~TensorWriter() { close(descriptor_); }

void TensorWriter::put(const void* bytes, int64_t count, int64_t offset) const {
  for (int64_t done = 0; done < count;) {
    const ssize_t put =
        pwrite(descriptor_, static_cast<const char*>(bytes) + done, static_cast<size_t>(count - done), offset + done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail("IO", "%s: %s", range_.file.c_str(), std::strerror(errno));
    if (put == 0) fail("IO", "%s: the system wrote nothing", range_.file.c_str());
    done += put;
  }
}

void TensorWriter::write(const Kernels& kernels, ElementRange range, const float* values) const {
  if (!kernels.all_finite(values, range.count))
    fail("NUMERIC", "%s holds a value that is not finite", range_.name.c_str());
  const int64_t width = size_of(range_.dtype), offset = range_.offset + range.first * width;
  if (range_.dtype == DType::F32) return put(values, range.count * width, offset);
  std::vector<uint16_t> halves(static_cast<size_t>(range.count));
  range_.dtype == DType::BF16 ? kernels.to_bf16(halves.data(), values, range.count)
                              : kernels.to_f16(halves.data(), values, range.count);
  if (lossy(range_.dtype, halves.data(), range.count))
    fail("NUMERIC", "%s holds a value beyond the range of %s", range_.name.c_str(),
         range_.dtype == DType::F16 ? "float16" : "bfloat16");
  put(halves.data(), range.count * width, offset);
}

void cpu::write_tensor(Context& context, const TensorRange& range, const float* values) {
  const TensorWriter writer(range);
  context.pool.run(divide_up(range.elements, kPiece), [&](int64_t piece, int) {
    const int64_t first = piece * kPiece;
    writer.write(context.kernels, {first, std::min(kPiece, range.elements - first)}, values + first);
  });
}

}  // namespace dfmerge
