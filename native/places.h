// Which parameters of a model lie where: this binds the names of its table to ranges of files.
#pragma once
#include <string>
#include <vector>

#include "core/parameter_table.h"
#include "storage/tensor_range.h"

namespace dfmerge {

// Where TypeScript says that a parameter lies, or is to be written.
struct TensorPlace {
  std::string name;  // the parameter's name in the table
  std::string file;
  int64_t offset;  // bytes from the start of the file
  DType dtype;
};

// The range of one place. Throws INVALID_ARGUMENT where the table has no such name.
TensorRange range_of(const ParamTable& table, const TensorPlace& place);

// The ranges of all parameters in the table's order. Throws INVALID_ARGUMENT for a name that the table lacks and for a
// parameter that has no place.
std::vector<TensorRange> ranges_of(const ParamTable& table, const std::vector<TensorPlace>& places);

}  // namespace dfmerge
