// An engine of an arbitrary small model that is asked for arbitrary things in an arbitrary order, with batches, places
// of tensors and numbers of any kind. A call may be refused; then, and otherwise, the engine stays usable.
#include <cmath>
#include <memory>

#include "engine.h"
#include "fuzz_batch.h"

using namespace dfmerge;

namespace {

ModelConfig any_config(FuzzedDataProvider& data) {
  ModelConfig config("t5");
  const char* const sizes[] = {"dModel", "dKv", "dFf", "numLayers", "numDecoderLayers", "numHeads"};
  const int most[] = {9, 5, 9, 2, 2, 3};
  for (int i = 0; i < 6; ++i) config.set(sizes[i], static_cast<double>(data.ConsumeIntegralInRange<int>(1, most[i])));
  const int buckets = 2 * data.ConsumeIntegralInRange<int>(2, 16);
  config.set("relativeBuckets", static_cast<double>(buckets));
  config.set("relativeMaxDistance", static_cast<double>(buckets / 2 + data.ConsumeIntegralInRange<int>(1, 200)));
  config.set("vocabSize", static_cast<double>(data.ConsumeIntegralInRange<int>(1, 20)));
  config.set("decoderStartTokenId", 0.0);
  config.set("epsilon", data.ConsumeBool() ? 1e-6 : data.ConsumeFloatingPoint<double>());
  for (const char* flag : {"gated", "tied", "scaleLogits"}) config.set(flag, data.ConsumeBool());
  return config;
}

double any_scalar(FuzzedDataProvider& data) {
  return data.ConsumeProbability<float>() < 0.8f ? data.ConsumeFloatingPointInRange<double>(-2, 2)
                                                 : data.ConsumeFloatingPoint<double>();
}

// Places of all parameters in a file, a few of which may be wrong.
std::vector<TensorPlace> any_places(FuzzedDataProvider& data, const ParamTable& table, const std::string& path) {
  std::vector<TensorPlace> places;
  int64_t offset = 0;
  const auto dtype = static_cast<DType>(data.ConsumeIntegralInRange<int>(0, 2));
  for (const Param& param : table.all()) {
    places.push_back({param.name, path, offset, dtype});
    offset += param.size * size_of(dtype);
  }
  for (int wrong = data.ConsumeIntegralInRange<int>(-3, 2); wrong > 0; --wrong) {
    TensorPlace& place = places[data.ConsumeIntegralInRange<size_t>(0, places.size() - 1)];
    switch (data.ConsumeIntegralInRange<int>(0, 3)) {
      case 0:
        place.offset = number<int64_t>(data, 0, 1 << 14);
        break;
      case 1:
        place.name = data.ConsumeRandomLengthString(3);
        break;
      case 2:
        place.file = "/proc/self/fd/none";
        break;
      default:
        place.dtype = static_cast<DType>(data.ConsumeIntegralInRange<int>(0, 2));
    }
  }
  return places;
}

FisherRequest any_request(FuzzedDataProvider& data, const Batch& batch) {
  FisherRequest request;
  request.mode = static_cast<FisherMode>(data.ConsumeIntegralInRange<int>(0, 3));
  if (request.mode == FisherMode::kSampled)
    for (int64_t i = 0; i < batch.inputs(); ++i) request.draws.push_back(data.ConsumeProbability<double>());
  if (data.ConsumeBool()) request.min_weight = any_scalar(data);
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  setenv("DFMERGE_ISA", "generic", 1);
  FuzzedDataProvider data(bytes, size);
  DeviceOptions options;
  if (data.ConsumeBool()) options.dtype = "bfloat16";
  std::unique_ptr<Engine> engine;
  if (!accepted([&] { engine = std::make_unique<Engine>(any_config(data), options); })) return 0;
  const ParamTable& table = engine->model().parameters();
  const int vocabulary = engine->model().vocabulary();
  std::vector<uint8_t> content(static_cast<size_t>(data.ConsumeIntegralInRange<int64_t>(0, 1 << 14)));
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<uint8_t>(i % 4 == 3 ? 0x3d : i * 37);
  const MemoryFile file(content), out(content);
  if (data.ConsumeProbability<float>() < 0.7f) engine->initialize(data.ConsumeIntegral<uint64_t>());
  for (int calls = 0; calls < 12 && data.remaining_bytes() > 0; ++calls) {
    accepted([&] {
      switch (data.ConsumeIntegralInRange<int>(0, 16)) {
        case 0:
          engine->add_model(any_places(data, table, file.path()));
          break;
        case 1:
          engine->load(data.ConsumeIntegralInRange<int>(-1, 3));
          break;
        case 2: {
          const int model = data.ConsumeIntegralInRange<int>(-1, 3);
          engine->interpolate(model, any_scalar(data));
          break;
        }
        case 3:
          engine->begin_fisher();
          break;
        case 4: {
          const Batch batch = any_batch(data, vocabulary);
          engine->add_fisher(batch, any_request(data, batch));
          break;
        }
        case 5: {
          FinishFisher finish{any_scalar(data), {}};
          if (data.ConsumeBool()) finish.fold = Fold{data.ConsumeIntegralInRange<int>(-1, 3), any_scalar(data)};
          engine->finish_fisher(finish);
          break;
        }
        case 6:
          engine->load_fisher(any_places(data, table, file.path()));
          break;
        case 7:
          engine->begin_merge();
          break;
        case 8: {
          const Fold fold{data.ConsumeIntegralInRange<int>(-1, 3), any_scalar(data)};
          engine->fold(fold, data.ConsumeBool());
          break;
        }
        case 9:
          engine->finish_merge();
          break;
        case 10: {
          const Batch batch = any_batch(data, vocabulary);
          EXPECT(engine->score(batch).size() == static_cast<size_t>(batch.choices()));
          break;
        }
        case 11:
          engine->begin_training();
          break;
        case 12: {
          const Batch batch = any_batch(data, vocabulary);
          engine->add_gradient(batch, any_scalar(data));
          break;
        }
        case 13:
          engine->adamw({any_scalar(data), any_scalar(data), any_scalar(data), any_scalar(data), any_scalar(data)});
          break;
        case 14:
          engine->write(data.ConsumeBool() ? ParameterVector::kParameters : ParameterVector::kFisher,
                        any_places(data, table, out.path()));
          out.resize(static_cast<int64_t>(content.size()));
          break;
        case 15: {
          const Batch batch = any_batch(data, vocabulary);
          GenerationRequest request{data.ConsumeIntegralInRange<int>(-1, 6),
                                    data.ConsumeIntegralInRange<int>(-1, 5),
                                    any_scalar(data),
                                    data.ConsumeBool(),
                                    numbers<int32_t>(data, 3, vocabulary),
                                    data.ConsumeIntegralInRange<int>(-2, 3)};
          const Generated generated = engine->generate(batch, request);
          EXPECT(generated.scores.size() == static_cast<size_t>(batch.inputs()));
          EXPECT(generated.offsets.back() == static_cast<int32_t>(generated.ids.size()));
          for (int32_t id : generated.ids) EXPECT(id >= 0 && id < vocabulary);
          break;
        }
        default: {
          int64_t elements = 0;
          const float* values =
              engine->parameter(ParameterVector::kFisher,
                                data.ConsumeBool() ? "shared.weight" : data.ConsumeRandomLengthString(3), &elements);
          EXPECT(values && elements > 0);
        }
      }
    });
  }
  accepted([&] {
    engine->initialize(1);
    Batch one;
    one.input_ids = one.label_ids = {0};
    one.input_offsets = one.label_offsets = one.choice_offsets = {0, 1};
    EXPECT(engine->score(one).size() == 1);
  });
  return 0;
}
