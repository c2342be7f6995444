// Any values written to any range of a file: what is written reads back rounded to the dtype, and values that it cannot
// hold are refused before any of them reaches the file.
#include <algorithm>
#include <cmath>
#include <memory>

#include "core/dtype_bits.h"
#include "cpu/isa.h"
#include "fuzz.h"
#include "storage/tensor_reader.h"
#include "storage/tensor_writer.h"

using namespace dfmerge;

namespace {

float rounded(DType dtype, float value) {
  if (dtype == DType::F32) return value;
  return dtype == DType::BF16 ? bf16_to_f32(f32_to_bf16(value)) : f16_to_f32(f32_to_f16(value));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const Kernels& kernels = select_kernels(data.ConsumeBool() ? "scalar" : "generic");
  const DType dtype = static_cast<DType>(data.ConsumeIntegralInRange<int>(0, 2));
  const int64_t offset = data.ConsumeIntegralInRange<int64_t>(0, 70);
  std::vector<float> values(data.ConsumeIntegralInRange<size_t>(0, 80));
  for (float& value : values) value = bits_to_float(data.ConsumeIntegral<uint32_t>());
  const auto elements = static_cast<int64_t>(values.size());
  const int64_t first = data.ConsumeIntegralInRange<int64_t>(0, elements);
  const MemoryFile file(std::vector<uint8_t>(static_cast<size_t>(offset + elements * size_of(dtype)), 0x5a));
  const TensorRange range{"t", file.path(), offset, dtype, elements};
  bool holds = true;
  for (int64_t i = first; i < elements; ++i) holds = holds && std::isfinite(rounded(dtype, values[i]));
  const ElementRange rest{first, elements - first};
  const bool written = accepted([&] { TensorWriter(range).write(kernels, rest, values.data() + first); });
  EXPECT(written == holds);
  if (rest.count == 0) return 0;
  std::vector<float> buffer(static_cast<size_t>(elements));
  const TensorReader reader(std::make_shared<const MappedFile>(range.file), range);
  const float* found = reader.read(kernels, {0, elements}, buffer.data());
  const float untouched = dtype == DType::F32    ? bits_to_float(0x5a5a5a5a)
                          : dtype == DType::BF16 ? bf16_to_f32(0x5a5a)
                                                 : f16_to_f32(0x5a5a);
  for (int64_t i = 0; i < elements; ++i) {
    const float expected = written && i >= first ? rounded(dtype, values[i]) : untouched;
    EXPECT(float_to_bits(found[i]) == float_to_bits(expected));
  }
  return 0;
}
