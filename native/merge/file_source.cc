#include "merge/file_source.h"

#include <map>
#include <memory>
#include <string>

namespace dfmerge {

FileSource::FileSource(const Stream& stream, const std::vector<TensorRange>& ranges) : kernels_(stream.cpu().kernels) {
  std::map<std::string, std::shared_ptr<const MappedFile>> files;
  for (const TensorRange& range : ranges) {
    std::shared_ptr<const MappedFile>& file = files[range.file];
    if (!file) files_.push_back(file = std::make_shared<const MappedFile>(range.file));
    readers_.emplace_back(file, range);
  }
}

}  // namespace dfmerge
