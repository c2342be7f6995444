#include "storage/mapped_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/error.h"

namespace dfmerge {

namespace {

#if defined(__APPLE__)
const timespec& written(const struct stat& s) { return s.st_mtimespec; }
const timespec& changed(const struct stat& s) { return s.st_ctimespec; }
#else
const timespec& written(const struct stat& s) { return s.st_mtim; }
const timespec& changed(const struct stat& s) { return s.st_ctim; }
#endif

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

// Whether both are one file with one content. The time of the last change tells of content, permissions and links, and
// no program can set it back.
bool same_content(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size && same_time(written(a), written(b)) &&
         same_time(changed(a), changed(b));
}

}  // namespace

MappedFile::MappedFile(const std::string& path) : path_(path) {
  descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail("NOT_FOUND", "%s: %s", path.c_str(), std::strerror(errno));
  try {
    if (fstat(descriptor_, &opened_) != 0) fail("IO", "%s: %s", path.c_str(), std::strerror(errno));
    size_ = opened_.st_size;
    if (size_ == 0 || std::getenv("DFMERGE_NO_MMAP")) return;
    auto map = std::make_unique<const Mapping>(descriptor_, size_);
    if (map->data()) map_ = std::move(map);
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

MappedFile::~MappedFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

const uint8_t* MappedFile::bytes(int64_t offset, int64_t count, uint8_t* buffer) const {
  if (map_) return map_->data() + offset;
  for (int64_t done = 0; done < count;) {
    const ssize_t got = pread(descriptor_, buffer + done, static_cast<size_t>(count - done), offset + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("IO", "%s: %s", path_.c_str(), std::strerror(errno));
    if (got == 0) fail("IO", "%s: the file became shorter while it was read", path_.c_str());
    done += got;
  }
  return buffer;
}

void MappedFile::check() const {
  accept_bus_errors();
  struct stat held, named;
  if (fstat(descriptor_, &held) != 0 || stat(path_.c_str(), &named) != 0)
    fail("IO", "%s: the file that is being read is gone: %s", path_.c_str(), std::strerror(errno));
  if (held.st_dev != named.st_dev || held.st_ino != named.st_ino)
    fail("MISMATCH", "%s: another file took its place while it was in use", path_.c_str());
  if (held.st_size != opened_.st_size)
    fail("MISMATCH", "%s: the file was changed while it was in use: it had %lld bytes and has %lld", path_.c_str(),
         static_cast<long long>(opened_.st_size), static_cast<long long>(held.st_size));
  if (!same_content(held, opened_)) fail("MISMATCH", "%s: the file was changed while it was in use", path_.c_str());
  if (map_ && map_->broken()) fail("IO", "%s: a part of the file could not be read", path_.c_str());
}

}  // namespace dfmerge
