// A file whose bytes are read where they lie: mapped where the system allows it, else read in ranges.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/mapping.h"

namespace dfmerge {

// Owns the descriptor and the mapping. Several threads may read from it at the same time.
class MappedFile {
 public:
  // Opens the file for reading. Throws NOT_FOUND where it cannot be opened, and IO where its size cannot be read.
  // DFMERGE_NO_MMAP in the environment leaves the mapping out, for file systems where it is slow or unsafe.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }
  // Bytes [offset, offset + count), which the caller has checked against size(): a pointer into the mapping, or
  // `buffer`, filled by plain reads. Throws IO where reading fails.
  const uint8_t* bytes(int64_t offset, int64_t count, uint8_t* buffer) const;
  // To be called before and after bytes are used: throws MISMATCH where the file is not the one that was opened any
  // more, because it was written to or another took its place, and IO where it is gone or a part could not be read.
  void check() const;

 private:
  std::string path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
  struct stat opened_;  // as it was when it was opened
  std::unique_ptr<const Mapping> map_;
};

}  // namespace dfmerge
