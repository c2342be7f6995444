// Ranges of tensors at any offset of a file of any length, in any dtype, mapped and read plainly.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "core/dtype_bits.h"
#include "cpu/isa.h"
#include "fuzz.h"
#include "storage/tensor_reader.h"

using namespace dfmerge;

namespace {

float expected_at(const std::vector<uint8_t>& content, const TensorRange& range, int64_t element) {
  const uint8_t* at = content.data() + range.offset + element * size_of(range.dtype);
  uint32_t word = 0;
  std::memcpy(&word, at, static_cast<size_t>(size_of(range.dtype)));
  if (range.dtype == DType::F32) return bits_to_float(word);
  return range.dtype == DType::BF16 ? bf16_to_f32(static_cast<uint16_t>(word))
                                    : f16_to_f32(static_cast<uint16_t>(word));
}

bool same(float a, float b) { return float_to_bits(a) == float_to_bits(b) || (std::isnan(a) && std::isnan(b)); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const bool mapped = data.ConsumeBool();
  mapped ? unsetenv("DFMERGE_NO_MMAP") : setenv("DFMERGE_NO_MMAP", "1", 1);
  const Kernels& kernels = select_kernels(data.ConsumeBool() ? "scalar" : "generic");
  const char* names[] = {"F32", "F16", "BF16", "F64", "I8", ""};
  TensorRange range;
  range.name = "t";
  if (!accepted([&] { range.dtype = parse_dtype(names[data.ConsumeIntegralInRange<int>(0, 5)]); })) return 0;
  range.offset = number<int64_t>(data, 0, 64);
  range.elements = number<int64_t>(data, 0, 64);
  const int64_t first = data.ConsumeIntegralInRange<int64_t>(0, 64);
  const int64_t count = data.ConsumeIntegralInRange<int64_t>(1, kChunk);
  std::vector<uint8_t> content = data.ConsumeRemainingBytes<uint8_t>();
  const MemoryFile file(content);
  range.file = file.path();
  accepted([&] {
    const auto source = std::make_shared<const MappedFile>(range.file);
    EXPECT(source->size() == static_cast<int64_t>(content.size()));
    const TensorReader reader(source, range);
    EXPECT(range.elements >= 0 && range.offset >= 0 && range.offset + range.bytes() <= source->size());
    if (first >= range.elements) return;
    const ElementRange wanted{first, std::min(count, range.elements - first)};
    std::vector<float> buffer(static_cast<size_t>(wanted.count));
    const float* values = reader.read(kernels, wanted, buffer.data());
    for (int64_t i = 0; i < wanted.count; ++i) EXPECT(same(values[i], expected_at(content, range, first + i)));
  });
  return 0;
}
