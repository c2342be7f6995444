#include "places.h"

#include "core/error.h"

namespace dfmerge {

namespace {

int index_of(const ParamTable& table, const TensorPlace& place) {
  const int index = table.find(place.name);
  if (index < 0) fail("INVALID_ARGUMENT", "%s: the model has no parameter %s", place.file.c_str(), place.name.c_str());
  return index;
}

}  // namespace

TensorRange range_of(const ParamTable& table, const TensorPlace& place) {
  return {place.name, place.file, place.offset, place.dtype, table[index_of(table, place)].size};
}

std::vector<TensorRange> ranges_of(const ParamTable& table, const std::vector<TensorPlace>& places) {
  std::vector<TensorRange> ranges(static_cast<size_t>(table.count()));
  for (const TensorPlace& place : places) ranges[index_of(table, place)] = range_of(table, place);
  for (int i = 0; i < table.count(); ++i)
    if (ranges[i].name.empty()) fail("INVALID_ARGUMENT", "no source for parameter %s", table[i].name.c_str());
  return ranges;
}

}  // namespace dfmerge
