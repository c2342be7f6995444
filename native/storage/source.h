// Parameters of one model where they lie: ranges of safetensors files, each in its own dtype, mapped read-only.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/parameter_table.h"
#include "cpu/kernels.h"

namespace dfmerge {

// A file opened for reading; mapped where the system allows it, else read in ranges. Owns its descriptor and mapping.
class SourceFile {
 public:
  explicit SourceFile(const std::string& path);
  ~SourceFile();
  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;
  const std::string& path() const { return path_; }
  int64_t size() const { return size_; }
  bool mapped() const { return map_ != nullptr; }
  // Bytes [offset, offset + count): a pointer into the mapping, or `buffer` filled by plain reads. The caller has
  // checked the range.
  const uint8_t* bytes(int64_t offset, int64_t count, uint8_t* buffer) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  int64_t size_ = 0;
  const uint8_t* map_ = nullptr;
};

struct TensorSource {
  std::string name;  // of the engine's parameter
  std::string file;
  int64_t offset;  // bytes from the start of the file
  DType dtype;
};

// Elements that are converted and worked on at a time: small enough for the first-level cache, with the operands beside
// it.
constexpr int64_t kChunk = 2048;

class Checkpoint {
 public:
  // One source per parameter of the table; throws INVALID_ARGUMENT for a missing name, INVALID_CHECKPOINT for a range
  // outside its file.
  Checkpoint(const ParamTable& table, const std::vector<TensorSource>& sources);
  // Elements [first, first + count), count <= kChunk, of a parameter as float32: a pointer into the mapping, or
  // `buffer` filled.
  const float* read(const Kernels& kernels, int param, int64_t first, int64_t count, float* buffer) const;

 private:
  struct Range {
    const SourceFile* file;
    int64_t offset;
    DType dtype;
  };
  std::vector<std::unique_ptr<SourceFile>> files_;
  std::vector<Range> ranges_;
};

}  // namespace dfmerge
