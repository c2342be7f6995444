#include "testing/merge_object.h"

#include <cmath>

#include "args.h"
#include "errors.h"
#include "merge/driver.h"
#include "merge/file_source.h"
#include "testing/machine.h"

namespace dfmerge {

namespace {

// theta = base + sum_i (norm / |tau_i|) tau_i with tau_i = model_i - base, where the norm is taken over each tensor, or
// over all of them. Everything is computed in float64, and two float32 hold the result, so that it tells one order of
// sums from another.
//
//   sources  base, model 1, ..., model M
//   targets  theta rounded to float32, and the remainder of that rounding
class RescaleKernel : public Kernel {
 public:
  RescaleKernel(double norm, bool whole, int models) : norm_(norm), whole_(whole), models_(models) {}
  int sums() const override { return models_; }  // the squared norms

  void reduce(Context&, const Chunk& chunk, double* squares) const override {
    for (int model = 0; model < models_; ++model)
      for (int64_t i = 0; i < chunk.range.count; ++i) squares[model] += std::pow(difference(chunk, model, i), 2);
  }

  void apply(Context&, const Chunk& chunk, const Sums& sums) const override {
    const double* squares = whole_ ? sums.all : sums.tensor;
    for (int64_t i = 0; i < chunk.range.count; ++i) {
      double value = chunk.sources[0][i];
      for (int model = 0; model < models_; ++model)
        value += norm_ / std::sqrt(squares[model]) * difference(chunk, model, i);
      chunk.targets[0][i] = static_cast<float>(value);
      chunk.targets[1][i] = static_cast<float>(value - chunk.targets[0][i]);
    }
  }

 private:
  static double difference(const Chunk& chunk, int model, int64_t i) {
    return static_cast<double>(chunk.sources[model + 1][i]) - chunk.sources[0][i];
  }

  double norm_;
  bool whole_;
  int models_;
};

ParamTable table_of(const Napi::Value& value) {
  if (!value.IsArray()) fail("INVALID_ARGUMENT", "tensors: expected an array");
  const auto array = value.As<Napi::Array>();
  ParamTable table;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Object tensor = object_of(array.Get(i), "tensors");
    table.add(string_of(tensor.Get("name"), "name"), {integer_of(tensor.Get("elements"), "elements")});
  }
  return table;
}

// rescale(options, { tensors: [{ name, elements }], models: [places of each model], norm, whole }) -> theta
// The first model is the base. The tensors of theta lie one behind the other.
Napi::Value rescale(const Napi::CallbackInfo& info) {
  return guarded(info.Env(), [&] {
    Machine machine(device_options_of(info[0]));
    const Napi::Object o = object_of(info[1], "operands");
    const ParamTable table = table_of(o.Get("tensors"));
    std::vector<WalkedTensor> tensors;
    for (const Param& param : table.all()) tensors.push_back({param.name, param.size});
    const Block theta(machine.device.memory(), table), rest(machine.device.memory(), table);
    std::vector<std::unique_ptr<FileSource>> files;
    Operands operands{{}, {&theta, &rest}};
    const Napi::Array models = object_of(o.Get("models"), "models").As<Napi::Array>();
    for (uint32_t i = 0; i < models.Length(); ++i) {
      const std::vector<TensorPlace> places = places_of(models.Get(i), "models");
      files.push_back(std::make_unique<FileSource>(machine.stream, ranges_of(table, places)));
      operands.sources.push_back(files.back().get());
    }
    const RescaleKernel kernel(number_of(o.Get("norm"), "norm"), boolean_of(o.Get("whole"), "whole"),
                               static_cast<int>(models.Length()) - 1);
    walk(machine.stream, {tensors, kernel, operands});
    std::vector<double> values;
    for (int t = 0; t < table.count(); ++t)
      for (int64_t i = 0; i < table[t].size; ++i)
        values.push_back(static_cast<double>(theta.tensor(t)[i]) + rest.tensor(t)[i]);
    return to_js(info.Env(), values);
  });
}

}  // namespace

Napi::Object merge_object(Napi::Env env) {
  auto exports = Napi::Object::New(env);
  exports.Set("rescale", Napi::Function::New(env, rescale));
  return exports;
}

}  // namespace dfmerge
