#include "engine_object.h"

#include <memory>
#include <optional>
#include <type_traits>

#include "args.h"
#include "errors.h"
#include "job.h"

namespace dfmerge {

namespace {

// Reads the architecture's name and all numbers and booleans, whatever their names are. A property of another type is
// left out, and the architecture complains where it needed that one.
ModelConfig config_of(const Napi::Object& o) {
  ModelConfig config(string_of(o.Get("architecture"), "architecture"));
  const Napi::Array names = o.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = string_of(names.Get(i), "config");
    const Napi::Value value = o.Get(name);
    if (value.IsNumber()) config.set(name, value.As<Napi::Number>().DoubleValue());
    if (value.IsBoolean()) config.set(name, value.As<Napi::Boolean>().Value());
  }
  return config;
}

DeviceOptions options_of(const Napi::Object& o) {
  DeviceOptions options;
  options.name = string_of(o.Get("device"), "device");
  options.threads = int_of(o.Get("threads"), "threads");
  options.dtype = string_of(o.Get("dtype"), "dtype");
  return options;
}

ParameterVector vector_of(const Napi::Value& value) {
  const std::string name = string_of(value, "vector");
  if (name == "parameters") return ParameterVector::kParameters;
  if (name == "fisher") return ParameterVector::kFisher;
  fail("INVALID_ARGUMENT", "vector: expected parameters or fisher, got %s", name.c_str());
}

std::vector<RowShape> row_shapes_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "rows");
  const std::vector<int32_t> inputs = ints_of(o.Get("inputTokens"), "inputTokens"),
                             choice_tokens = ints_of(o.Get("choiceTokens"), "choiceTokens"),
                             choices = ints_of(o.Get("choices"), "choices");
  const std::vector<double> gradients = o.Get("gradients").IsUndefined() ? std::vector<double>(inputs.size())
                                                                         : doubles_of(o.Get("gradients"), "gradients");
  const auto counts = [&](const char* name) {
    return o.Get(name).IsUndefined() ? std::vector<int32_t>(inputs.size()) : ints_of(o.Get(name), name);
  };
  const std::vector<int32_t> sequences = counts("sequences"), new_tokens = counts("newTokens");
  if (sequences.size() != inputs.size() || new_tokens.size() != inputs.size())
    fail("INVALID_ARGUMENT", "rows: expected arrays of one length");
  if (choice_tokens.size() != inputs.size() || choices.size() != inputs.size() || gradients.size() != inputs.size())
    fail("INVALID_ARGUMENT", "rows: expected arrays of one length");
  std::vector<RowShape> rows;
  for (size_t i = 0; i < inputs.size(); ++i)
    rows.push_back({inputs[i], choice_tokens[i], choices[i], gradients[i], sequences[i], new_tokens[i]});
  return rows;
}

FisherRequest fisher_request_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "options");
  FisherRequest request;
  request.mode = parse_fisher_mode(string_of(o.Get("mode"), "mode"));
  if (!o.Get("draws").IsUndefined()) request.draws = doubles_of(o.Get("draws"), "draws");
  if (!o.Get("drawn").IsUndefined()) request.drawn = ints_of(o.Get("drawn"), "drawn");
  if (!o.Get("minWeight").IsUndefined()) request.min_weight = number_of(o.Get("minWeight"), "minWeight");
  return request;
}

GenerationRequest generation_request_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "options");
  return {integer_of(o.Get("maxNewTokens"), "maxNewTokens"),
          int_of(o.Get("numBeams"), "numBeams"),
          number_of(o.Get("lengthPenalty"), "lengthPenalty"),
          boolean_of(o.Get("earlyStopping"), "earlyStopping"),
          ints_of(o.Get("endTokens"), "endTokens"),
          o.Get("startToken").IsUndefined() ? -1 : int_of(o.Get("startToken"), "startToken")};
}

Fold fold_of(const Napi::Object& o) {
  return {int_of(o.Get("model"), "fold.model"), number_of(o.Get("coefficient"), "fold.coefficient")};
}

AdamWOptions adamw_options_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "options");
  return {number_of(o.Get("learningRate"), "learningRate"), number_of(o.Get("beta1"), "beta1"),
          number_of(o.Get("beta2"), "beta2"), number_of(o.Get("epsilon"), "epsilon"),
          number_of(o.Get("weightDecay"), "weightDecay")};
}

}  // namespace

static Napi::Value to_js(Napi::Env env, const Generated& generated) {
  auto result = Napi::Object::New(env);
  result.Set("ids", to_js(env, generated.ids));
  result.Set("offsets", to_js(env, generated.offsets));
  result.Set("scores", to_js(env, generated.scores));
  return result;
}

EngineObject::EngineObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<EngineObject>(info) {
  guarded(info.Env(), [&] {
    engine_ =
        std::make_unique<Engine>(config_of(object_of(info[0], "config")), options_of(object_of(info[1], "options")));
    report_memory(info.Env());
    return info.Env().Undefined();
  });
}

EngineObject::~EngineObject() {
  if (reported_ == 0) return;
  try {
    Napi::MemoryManagement::AdjustExternalMemory(Env(), -reported_);
  } catch (...) {  // the environment ends, and its account with it
  }
}

// This may be called between jobs only, because a running one changes what is counted.
void EngineObject::report_memory(Napi::Env env) {
  const int64_t now = engine_ ? engine_->bytes() : 0;
  if (now != reported_) Napi::MemoryManagement::AdjustExternalMemory(env, now - reported_);
  reported_ = now;
}

void EngineObject::job_done(Napi::Env env) {
  busy_ = false;
  if (closing_) engine_.reset();
  report_memory(env);
}

Engine& EngineObject::idle_engine() {
  if (!engine_ || closing_) fail("CLOSED", "this engine was closed");
  if (busy_) fail("BUSY", "this engine is working on another job: wait for it, or make a second engine");
  return *engine_;
}

Napi::Value EngineObject::run(Napi::Env env, std::function<void()> work, std::function<Napi::Value(Napi::Env)> result) {
  // This is checked again, because reading the arguments may have run JavaScript that closed the engine or started a
  // job.
  idle_engine();
  auto job = std::make_unique<Job>(
      env, Job::Parts{std::move(work), std::move(result), [this](Napi::Env at_end) { job_done(at_end); }, Value()});
  const Napi::Promise promise = job->promise();
  engine_->clear_stop();
  job->Queue();
  busy_ = true;
  job.release();  // it deletes itself at its end, which is an event and so comes later
  return promise;
}

template <class Read>
Napi::Value EngineObject::job(const Info& info, const Read& read) {
  return guarded(info.Env(), [&] {
    auto work = read(idle_engine());
    using Output = decltype(work());
    if constexpr (std::is_void_v<Output>) {
      return run(info.Env(), std::move(work), nullptr);
    } else {
      auto output = std::make_shared<Output>();
      return run(
          info.Env(), [work = std::move(work), output] { *output = work(); },
          [output](Napi::Env at_end) { return to_js(at_end, *output); });
    }
  });
}

Napi::Value EngineObject::parameters(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const auto& all = idle_engine().model().parameters().all();
    auto result = Napi::Array::New(info.Env(), all.size());
    for (uint32_t i = 0; i < all.size(); ++i) {
      auto shape = Napi::Array::New(info.Env(), all[i].shape.size());
      for (uint32_t j = 0; j < all[i].shape.size(); ++j)
        shape.Set(j, Napi::Number::New(info.Env(), static_cast<double>(all[i].shape[j])));
      auto item = Napi::Object::New(info.Env());
      item.Set("name", all[i].name);
      item.Set("shape", shape);
      result.Set(i, item);
    }
    return result;
  });
}

Napi::Value EngineObject::activation_bytes(const Info& info) {
  return guarded(info.Env(), [&] {
    const std::vector<RowShape> rows = row_shapes_of(info[0]);
    const Model& model = idle_engine().model();
    std::vector<double> bytes;
    for (const RowShape& row : rows) bytes.push_back(model.activation_bytes(row));
    return to_js(info.Env(), bytes);
  });
}

Napi::Value EngineObject::add_model(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    return Napi::Number::New(info.Env(), idle_engine().add_model(places_of(info[0], "sources")));
  });
}

Napi::Value EngineObject::parameter(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    int64_t size;
    const float* values = idle_engine().parameter(vector_of(info[0]), string_of(info[1], "name"), &size);
    return to_js(info.Env(), std::vector<float>(values, values + size));
  });
}

// While a job runs this is the number from before it, because the job changes what is counted.
Napi::Value EngineObject::bytes(const Info& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(busy_ ? reported_ : engine_ ? engine_->bytes() : 0));
}
Napi::Value EngineObject::busy(const Info& info) { return Napi::Boolean::New(info.Env(), busy_); }

Napi::Value EngineObject::threads(const Info& info) {
  return guarded(info.Env(), [&] { return Napi::Number::New(info.Env(), idle_engine().threads()); });
}

Napi::Value EngineObject::matmul(const Info& info) {
  return guarded(info.Env(), [&] { return Napi::String::New(info.Env(), idle_engine().matmul()); });
}

Napi::Value EngineObject::stop(const Info& info) {
  if (engine_ && busy_) engine_->stop();
  return info.Env().Undefined();
}

Napi::Value EngineObject::polls(const Info& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(engine_ ? engine_->polls() : 0));
}

Napi::Value EngineObject::close(const Info& info) {
  return guarded(info.Env(), [&] {
    closing_ = true;
    if (busy_) {
      engine_->stop();  // the engine is freed when the job has ended
    } else {
      engine_.reset();
      report_memory(info.Env());
    }
    return info.Env().Undefined();
  });
}

Napi::Value EngineObject::load(const Info& info) {
  return job(info, [&](Engine& e) { return [&e, model = int_of(info[0], "model")] { e.load(model); }; });
}

Napi::Value EngineObject::interpolate(const Info& info) {
  return job(info, [&](Engine& e) {
    return [&e, model = int_of(info[0], "model"), coefficient = number_of(info[1], "coefficient")] {
      e.interpolate(model, coefficient);
    };
  });
}

Napi::Value EngineObject::initialize(const Info& info) {
  return job(info, [&](Engine& e) {
    return [&e, seed = integer_of(info[0], "seed")] { e.initialize(static_cast<uint64_t>(seed)); };
  });
}

Napi::Value EngineObject::begin_fisher(const Info& info) {
  return job(info, [](Engine& e) { return [&e] { e.begin_fisher(); }; });
}

Napi::Value EngineObject::add_fisher(const Info& info) {
  return job(info, [&](Engine& e) {
    return
        [&e, batch = batch_of(info[0]), request = fisher_request_of(info[1])] { return e.add_fisher(batch, request); };
  });
}

Napi::Value EngineObject::finish_fisher(const Info& info) {
  return job(info, [&](Engine& e) {
    const Napi::Object o = object_of(info[0], "options");
    FinishFisher finish{number_of(o.Get("epsilon"), "epsilon"), {}};
    const Napi::Value fold = o.Get("fold");
    if (!fold.IsUndefined()) finish.fold = fold_of(object_of(fold, "fold"));
    return [&e, finish] { e.finish_fisher(finish); };
  });
}

Napi::Value EngineObject::load_fisher(const Info& info) {
  return job(info, [&](Engine& e) { return [&e, places = places_of(info[0], "sources")] { e.load_fisher(places); }; });
}

Napi::Value EngineObject::begin_merge(const Info& info) {
  return job(info, [](Engine& e) { return [&e] { e.begin_merge(); }; });
}

Napi::Value EngineObject::fold(const Info& info) {
  return job(info, [&](Engine& e) {
    const Napi::Object o = object_of(info[0], "fold");
    return [&e, fold = fold_of(o), with_fisher = boolean_of(o.Get("withFisher"), "withFisher")] {
      e.fold(fold, with_fisher);
    };
  });
}

Napi::Value EngineObject::finish_merge(const Info& info) {
  return job(info, [](Engine& e) { return [&e] { e.finish_merge(); }; });
}

Napi::Value EngineObject::score(const Info& info) {
  return job(info, [&](Engine& e) { return [&e, batch = batch_of(info[0])] { return e.score(batch); }; });
}

Napi::Value EngineObject::encode(const Info& info) {
  return job(info, [&](Engine& e) { return [&e, batch = batch_of(info[0])] { return e.encode(batch); }; });
}

Napi::Value EngineObject::logits(const Info& info) {
  return job(info, [&](Engine& e) { return [&e, batch = batch_of(info[0])] { return e.logits(batch); }; });
}

Napi::Value EngineObject::generate(const Info& info) {
  return job(info, [&](Engine& e) {
    return [&e, batch = batch_of(info[0]), request = generation_request_of(info[1])] {
      return e.generate(batch, request);
    };
  });
}

Napi::Value EngineObject::begin_training(const Info& info) {
  return job(info, [](Engine& e) { return [&e] { e.begin_training(); }; });
}

Napi::Value EngineObject::add_gradient(const Info& info) {
  return job(info, [&](Engine& e) {
    return
        [&e, batch = batch_of(info[0]), scale = number_of(info[1], "scale")] { return e.add_gradient(batch, scale); };
  });
}

Napi::Value EngineObject::adamw(const Info& info) {
  return job(info, [&](Engine& e) { return [&e, options = adamw_options_of(info[0])] { e.adamw(options); }; });
}

Napi::Value EngineObject::write(const Info& info) {
  return job(info, [&](Engine& e) {
    return [&e, vector = vector_of(info[0]), places = places_of(info[1], "targets")] { e.write(vector, places); };
  });
}

Napi::Function EngineObject::define(Napi::Env env) {
  return DefineClass(env, "Engine",
                     {InstanceMethod("parameters", &EngineObject::parameters),
                      InstanceMethod("activationBytes", &EngineObject::activation_bytes),
                      InstanceMethod("addModel", &EngineObject::add_model),
                      InstanceMethod("parameter", &EngineObject::parameter),
                      InstanceMethod("bytes", &EngineObject::bytes),
                      InstanceMethod("busy", &EngineObject::busy),
                      InstanceMethod("threads", &EngineObject::threads),
                      InstanceMethod("matmul", &EngineObject::matmul),
                      InstanceMethod("stop", &EngineObject::stop),
                      InstanceMethod("polls", &EngineObject::polls),
                      InstanceMethod("close", &EngineObject::close),
                      InstanceMethod("load", &EngineObject::load),
                      InstanceMethod("interpolate", &EngineObject::interpolate),
                      InstanceMethod("initialize", &EngineObject::initialize),
                      InstanceMethod("beginFisher", &EngineObject::begin_fisher),
                      InstanceMethod("addFisher", &EngineObject::add_fisher),
                      InstanceMethod("finishFisher", &EngineObject::finish_fisher),
                      InstanceMethod("loadFisher", &EngineObject::load_fisher),
                      InstanceMethod("beginMerge", &EngineObject::begin_merge),
                      InstanceMethod("fold", &EngineObject::fold),
                      InstanceMethod("finishMerge", &EngineObject::finish_merge),
                      InstanceMethod("score", &EngineObject::score),
                      InstanceMethod("encode", &EngineObject::encode),
                      InstanceMethod("logits", &EngineObject::logits),
                      InstanceMethod("generate", &EngineObject::generate),
                      InstanceMethod("beginTraining", &EngineObject::begin_training),
                      InstanceMethod("addGradient", &EngineObject::add_gradient),
                      InstanceMethod("adamw", &EngineObject::adamw),
                      InstanceMethod("write", &EngineObject::write)});
}

}  // namespace dfmerge
