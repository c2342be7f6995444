// A vector of parameters as one flat block: a source and a target of merges.
#pragma once
#include "core/buffer.h"
#include "core/parameter_table.h"
#include "merge/source.h"

namespace dfmerge {

// Owns the block, which is zeroed at first. The table says where each tensor lies in it and has to outlive it.
class Block : public Source {
 public:
  Block(Memory& memory, const ParamTable& table) : table_(table), memory_(memory, table.total()) {}
  float* data() const { return memory_.data(); }
  float* tensor(int index) const { return data() + table_[index].offset; }
  int64_t bytes() const { return memory_.bytes(); }
  const float* read(int index, ElementRange range, float*) const override { return tensor(index) + range.first; }

 private:
  const ParamTable& table_;
  Buffer memory_;
};

}  // namespace dfmerge
