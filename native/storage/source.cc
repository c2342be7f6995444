#include "storage/source.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace dfmerge {

SourceFile::SourceFile(const std::string& path) : path_(path) {
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail("NOT_FOUND", "%s: %s", path.c_str(), std::strerror(errno));
  struct stat status;
  if (fstat(descriptor_, &status) != 0) {
    const int reason = errno;
    close(descriptor_);
    fail("IO", "%s: %s", path.c_str(), std::strerror(reason));
  }
  size_ = status.st_size;
  // DFMERGE_NO_MMAP: for file systems where mapping is slow or unsafe, and to test the plain reads.
  if (size_ == 0 || std::getenv("DFMERGE_NO_MMAP")) return;
  void* map = mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (map != MAP_FAILED) map_ = static_cast<const uint8_t*>(map);
}

SourceFile::~SourceFile() {
  if (map_) munmap(const_cast<uint8_t*>(map_), static_cast<size_t>(size_));
  if (descriptor_ >= 0) close(descriptor_);
}

const uint8_t* SourceFile::bytes(int64_t offset, int64_t count, uint8_t* buffer) const {
  if (map_) return map_ + offset;
  for (int64_t done = 0; done < count;) {
    const ssize_t got = pread(descriptor_, buffer + done, static_cast<size_t>(count - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("IO", "%s: %s", path_.c_str(), std::strerror(errno));
    if (got == 0) fail("IO", "%s: the file became shorter while it was read", path_.c_str());
    done += got;
  }
  return buffer;
}

Checkpoint::Checkpoint(const ParamTable& table, const std::vector<TensorSource>& sources)
    : ranges_(table.count(), Range{nullptr, 0, DType::F32}) {
  for (const TensorSource& source : sources) {
    const int param = table.find(source.name);
    if (param < 0)
      fail("INVALID_ARGUMENT", "%s: the model has no parameter %s", source.file.c_str(), source.name.c_str());
    const SourceFile* file = nullptr;
    for (const auto& open_file : files_)
      if (open_file->path() == source.file) file = open_file.get();
    if (!file) {
      files_.push_back(std::make_unique<SourceFile>(source.file));
      file = files_.back().get();
    }
    const int64_t bytes = table[param].size * size_of(source.dtype);
    if (source.offset < 0 || source.offset > file->size() - bytes)
      fail("INVALID_CHECKPOINT", "%s: %s needs bytes %lld to %lld of a file of %lld", source.file.c_str(),
           source.name.c_str(), static_cast<long long>(source.offset), static_cast<long long>(source.offset + bytes),
           static_cast<long long>(file->size()));
    ranges_[param] = {file, source.offset, source.dtype};
  }
  for (int param = 0; param < table.count(); ++param)
    if (!ranges_[param].file) fail("INVALID_ARGUMENT", "no source for parameter %s", table[param].name.c_str());
}

const float* Checkpoint::read(const Kernels& kernels, int param, int64_t first, int64_t count, float* buffer) const {
  const Range& range = ranges_[param];
  const int64_t width = size_of(range.dtype);
  alignas(64) uint8_t raw[kChunk * 4];
  const uint8_t* bytes = range.file->bytes(range.offset + first * width, count * width, raw);
  if (range.dtype == DType::F32) {
    if (bytes != raw && reinterpret_cast<uintptr_t>(bytes) % 4 == 0) return reinterpret_cast<const float*>(bytes);
    std::memcpy(buffer, bytes, static_cast<size_t>(count * 4));
    return buffer;
  }
  if (bytes != raw && reinterpret_cast<uintptr_t>(bytes) % 2 != 0) {
    std::memcpy(raw, bytes, static_cast<size_t>(count * 2));
    bytes = raw;
  }
  const auto* halves = reinterpret_cast<const uint16_t*>(bytes);
  range.dtype == DType::BF16 ? kernels.from_bf16(buffer, halves, count) : kernels.from_f16(buffer, halves, count);
  return buffer;
}

}  // namespace dfmerge
