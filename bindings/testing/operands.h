// The operands of single ops, which come as a JavaScript object.
#pragma once
#include "args.h"
#include "errors.h"
#include "ops/position_bias.h"

namespace dfmerge {

inline void expect_size(const std::vector<float>& values, int64_t size, const char* name) {
  if (static_cast<int64_t>(values.size()) != size)
    fail("INVALID_ARGUMENT", "%s: expected %lld elements, got %zu", name, static_cast<long long>(size), values.size());
}

inline int64_t positive(const Napi::Object& o, const char* name) {
  const int value = int_of(o.Get(name), name);
  if (value < 1) fail("INVALID_ARGUMENT", "%s: expected at least 1", name);
  return value;
}

inline std::vector<float> sized(const Napi::Object& o, const char* name, int64_t size) {
  std::vector<float> values = floats_of(o.Get(name), name);
  expect_size(values, size, name);
  return values;
}

inline BucketRule checked(const BucketRule& rule) {
  if (rule.buckets < 4 || rule.buckets % 2 != 0 || rule.max_distance <= rule.buckets / 2)
    fail("INVALID_ARGUMENT",
         "buckets: expected an even number of at least 4, and a maxDistance of more than half of them");
  return rule;
}

}  // namespace dfmerge
