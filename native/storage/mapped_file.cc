#include "storage/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace dfmerge {

MappedFile::MappedFile(const std::string& path) : path_(path) {
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail("NOT_FOUND", "%s: %s", path.c_str(), std::strerror(errno));
  struct stat status;
  if (fstat(descriptor_, &status) != 0) {
    const int reason = errno;
    close(descriptor_);
    fail("IO", "%s: %s", path.c_str(), std::strerror(reason));
  }
  size_ = status.st_size;
  if (size_ == 0 || std::getenv("DFMERGE_NO_MMAP")) return;
  void* map = mmap(nullptr, static_cast<size_t>(size_), PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (map != MAP_FAILED) map_ = static_cast<const uint8_t*>(map);
}

MappedFile::~MappedFile() {
  if (map_) munmap(const_cast<uint8_t*>(map_), static_cast<size_t>(size_));
  if (descriptor_ >= 0) close(descriptor_);
}

const uint8_t* MappedFile::bytes(int64_t offset, int64_t count, uint8_t* buffer) const {
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

}  // namespace dfmerge
