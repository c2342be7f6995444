// Element types of checkpoints on disk. Everything is computed in float32; dtype_bits.h converts.
#pragma once
#include <cstdint>
#include <string>

#include "core/dtype_bits.h"
#include "core/error.h"

namespace dfmerge {

enum class DType : uint8_t { F32, F16, BF16 };

inline int64_t size_of(DType dtype) { return dtype == DType::F32 ? 4 : 2; }

inline DType parse_dtype(const std::string& name) {
  if (name == "F32") return DType::F32;
  if (name == "F16") return DType::F16;
  if (name == "BF16") return DType::BF16;
  fail("UNSUPPORTED", "dtype %s cannot hold weights: expected F32, F16 or BF16", name.c_str());
}

}  // namespace dfmerge
