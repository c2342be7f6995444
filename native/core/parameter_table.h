// A vector of parameters is one flat float32 block. The table lays names and shapes over it.
#pragma once
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace dfmerge {

struct Param {
  std::string name;  // the checkpoint's own name
  std::vector<int64_t> shape;
  int64_t offset;  // floats from the start of the block
  int64_t size;    // elements
};

class ParamTable {
 public:
  // Appends a parameter behind the last one; returns its index. It starts on a line of 64 bytes, unless it adjoins the
  // one before: matrices of one width that adjoin are one matrix to a product.
  int add(const std::string& name, std::vector<int64_t> shape, bool adjoins = false) {
    if (!adjoins) total_ = total();
    int64_t size = 1;
    for (int64_t extent : shape) size *= extent;
    const int index = static_cast<int>(params_.size());
    index_[name] = index;
    params_.push_back({name, std::move(shape), total_, size});
    total_ += size;
    return index;
  }
  const std::vector<Param>& all() const { return params_; }
  const Param& operator[](int index) const { return params_[index]; }
  int count() const { return static_cast<int>(params_.size()); }
  int64_t total() const { return (total_ + 15) & ~int64_t{15}; }  // floats of a whole block, padding included
  // Returns the index of a name, or -1 where there is none.
  int find(const std::string& name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? -1 : found->second;
  }

 private:
  std::vector<Param> params_;
  std::unordered_map<std::string, int> index_;
  int64_t total_ = 0;
};

}  // namespace dfmerge
