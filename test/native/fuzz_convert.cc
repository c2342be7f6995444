// Conversions between float32 and the half-precision types: every set of kernels gives the bits of core/dtype_bits.h
// for any values and any number of them.
#include <cmath>
#include <cstring>

#include "core/dtype_bits.h"
#include "cpu/isa.h"
#include "fuzz.h"

using namespace dfmerge;

namespace {

bool same(float a, float b) { return float_to_bits(a) == float_to_bits(b) || (std::isnan(a) && std::isnan(b)); }
bool same_half(uint16_t a, uint16_t b, float (*widen)(uint16_t)) {
  return a == b || (std::isnan(widen(a)) && std::isnan(widen(b)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto count = static_cast<int64_t>(size / 4);
  std::vector<float> values(static_cast<size_t>(count));
  std::vector<uint16_t> halves(static_cast<size_t>(2 * count));
  if (count > 0) {
    std::memcpy(values.data(), bytes, static_cast<size_t>(count) * 4);
    std::memcpy(halves.data(), bytes, static_cast<size_t>(count) * 4);
  }
  bool finite = true;
  for (float value : values) finite = finite && std::isfinite(value);
  for (const char* name : {"scalar", "generic"}) {
    const Kernels& kernels = select_kernels(name);
    EXPECT(kernels.all_finite(values.data(), count) == finite);
    std::vector<uint16_t> narrow(static_cast<size_t>(count));
    kernels.to_bf16(narrow.data(), values.data(), count);
    for (int64_t i = 0; i < count; ++i) EXPECT(same_half(narrow[i], f32_to_bf16(values[i]), bf16_to_f32));
    kernels.to_f16(narrow.data(), values.data(), count);
    for (int64_t i = 0; i < count; ++i) EXPECT(same_half(narrow[i], f32_to_f16(values[i]), f16_to_f32));
    std::vector<float> wide(halves.size());
    kernels.from_bf16(wide.data(), halves.data(), 2 * count);
    for (int64_t i = 0; i < 2 * count; ++i) EXPECT(same(wide[i], bf16_to_f32(halves[i])));
    kernels.from_f16(wide.data(), halves.data(), 2 * count);
    for (int64_t i = 0; i < 2 * count; ++i) EXPECT(same(wide[i], f16_to_f32(halves[i])));
  }
  return 0;
}
