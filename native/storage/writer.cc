#include "storage/writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace dfmerge {

namespace {

class TargetFile {
 public:
  explicit TargetFile(const std::string& path) : path_(path), descriptor_(open(path.c_str(), O_WRONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) fail("IO", "%s: %s", path.c_str(), std::strerror(errno));
  }
  ~TargetFile() { close(descriptor_); }
  TargetFile(const TargetFile&) = delete;
  TargetFile& operator=(const TargetFile&) = delete;
  void write(const uint8_t* bytes, int64_t count, int64_t offset) const {
    for (int64_t done = 0; done < count;) {
      const ssize_t put = pwrite(descriptor_, bytes + done, static_cast<size_t>(count - done), offset + done);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) fail("IO", "%s: %s", path_.c_str(), std::strerror(errno));
      done += put;
    }
  }

 private:
  std::string path_;
  int descriptor_;
};

constexpr int64_t kWriteChunk = 1 << 16;

// True where a finite value overflows in half precision or is not finite to begin with.
bool lossy(DType dtype, const uint16_t* halves, int64_t count) {
  const uint16_t exponent = dtype == DType::F16 ? 0x7c00 : 0x7f80;
  for (int64_t i = 0; i < count; ++i)
    if ((halves[i] & exponent) == exponent) return true;
  return false;
}

}  // namespace

void write_tensors(Context& context, const ParamTable& table, const float* block,
                   const std::vector<TensorSource>& targets) {
  const Kernels& kernels = context.kernels;
  for (const TensorSource& target : targets) {
    const int index = table.find(target.name);
    if (index < 0)
      fail("INVALID_ARGUMENT", "%s: the model has no parameter %s", target.file.c_str(), target.name.c_str());
    const Param& param = table[index];
    const TargetFile file(target.file);
    const int64_t width = size_of(target.dtype);
    context.pool.run((param.size + kWriteChunk - 1) / kWriteChunk, [&](int64_t item, int) {
      const int64_t first = item * kWriteChunk, count = std::min(kWriteChunk, param.size - first);
      const float* values = block + param.offset + first;
      if (!kernels.all_finite(values, count))
        fail("NUMERIC", "%s holds a value that is not finite", param.name.c_str());
      if (target.dtype == DType::F32)
        return file.write(reinterpret_cast<const uint8_t*>(values), count * 4, target.offset + first * 4);
      std::vector<uint16_t> halves(static_cast<size_t>(count));
      target.dtype == DType::BF16 ? kernels.to_bf16(halves.data(), values, count)
                                  : kernels.to_f16(halves.data(), values, count);
      if (lossy(target.dtype, halves.data(), count))
        fail("NUMERIC", "%s holds a value beyond the range of %s", param.name.c_str(),
             target.dtype == DType::F16 ? "float16" : "bfloat16");
      file.write(reinterpret_cast<const uint8_t*>(halves.data()), count * width, target.offset + first * width);
    });
  }
}

}  // namespace dfmerge
