// Settings of any names, types and values: a model is made of them, with a table of parameters that is laid out well,
// or they are refused before anything is allocated by them.
#include <cmath>

#include "fuzz.h"
#include "models/model.h"

using namespace dfmerge;

namespace {

const char* const kNumbers[] = {"dModel",
                                "dKv",
                                "dFf",
                                "numLayers",
                                "numDecoderLayers",
                                "numHeads",
                                "relativeBuckets",
                                "relativeMaxDistance",
                                "vocabSize",
                                "decoderStartTokenId",
                                "epsilon"};
const char* const kFlags[] = {"gated", "tied", "scaleLogits"};

double any_number(FuzzedDataProvider& data) {
  const int kind = data.ConsumeIntegralInRange<int>(0, 15);
  if (kind < 12) return data.ConsumeIntegralInRange<int>(0, 6) * (kind < 9 ? 1 : 8);
  if (kind == 12) return data.ConsumeIntegral<int32_t>();
  if (kind == 13) return std::ldexp(1.0, data.ConsumeIntegralInRange<int>(0, 62));
  return data.ConsumeFloatingPoint<double>();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  ModelConfig config(data.ConsumeProbability<float>() < 0.98f ? "t5" : data.ConsumeRandomLengthString(4));
  // The buckets and their reach depend on each other, and are drawn so that they often fit.
  for (const char* name : kNumbers) config.set(name, any_number(data));
  if (data.ConsumeBool()) {
    const int buckets = 2 * data.ConsumeIntegralInRange<int>(0, 20);
    config.set("relativeBuckets", static_cast<double>(buckets));
    config.set("relativeMaxDistance", static_cast<double>(buckets + data.ConsumeIntegralInRange<int>(-3, 200)));
    config.set("decoderStartTokenId", 0.0);
  }
  for (const char* name : kFlags) config.set(name, data.ConsumeBool());
  if (data.ConsumeProbability<float>() < 0.05f) config.set(kFlags[data.ConsumeIntegralInRange<int>(0, 2)], 1.0);
  if (data.ConsumeProbability<float>() < 0.05f) config.set(kNumbers[data.ConsumeIntegralInRange<int>(0, 10)], true);
  accepted([&] {
    const std::unique_ptr<Model> model = make_model(config);
    const ParamTable& table = model->parameters();
    int64_t end = 0;
    for (const Param& param : table.all()) {
      int64_t elements = 1;
      for (int64_t extent : param.shape) {
        EXPECT(extent > 0);
        elements *= extent;
      }
      EXPECT(param.size == elements && param.offset >= end);
      EXPECT(table.find(param.name) >= 0 && table[table.find(param.name)].offset == param.offset);
      end = param.offset + param.size;
    }
    EXPECT(end <= table.total() && table.total() > 0);
    EXPECT(table.total() <= INT64_MAX / 64);
    EXPECT(model->vocabulary() > 0);
    EXPECT(!model->matrices().empty());
    const RowShape row{
        data.ConsumeIntegralInRange<int64_t>(0, 1 << 20), data.ConsumeIntegralInRange<int64_t>(0, 1 << 20),
        data.ConsumeIntegralInRange<int64_t>(0, 1 << 10), data.ConsumeFloatingPointInRange<double>(0, 1e4)};
    const double activations = model->activation_bytes(row);
    EXPECT(std::isfinite(activations) && activations >= 0);
  });
  return 0;
}
