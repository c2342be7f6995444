#include "exports.h"

#include "cpu/isa.h"
#include "cpu/onednn.h"
#include "engine_object.h"
#include "errors.h"

namespace dfmerge {

namespace {

// Names the code that would multiply an engine's matrices.
std::string matmul_of(bool bf16) {
  const auto onednn = select_onednn(bf16);
  return onednn ? onednn->name() : "builtin";
}

// Returns { isa, available: [names], built: [names], bfloat16, compiler, matmul: { float32, bfloat16, onednn } }
Napi::Value info(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    Napi::Env env = call.Env();
    auto result = Napi::Object::New(env);
    auto available = Napi::Array::New(env), built = Napi::Array::New(env);
    for (const Isa& isa : instruction_sets()) {
      if (!isa.for_tests) built.Set(built.Length(), isa.name);
      if (isa.available()) available.Set(available.Length(), isa.name);
    }
    const Kernels& kernels = select_kernels();
    result.Set("isa", kernels.name);
    result.Set("available", available);
    result.Set("built", built);
    result.Set("bfloat16", kernels.bf16_matmul->unit == 2 ? "instructions" : "rounded");
    result.Set("compiler", __VERSION__);
    auto matmul = Napi::Object::New(env);
    matmul.Set("float32", matmul_of(false));
    try {
      matmul.Set("bfloat16", matmul_of(true));
    } catch (const Error& error) {  // oneDNN was asked for and multiplies only float32 here
      matmul.Set("bfloat16", error.what());
    }
    matmul.Set("onednn", onednn_built());
    result.Set("matmul", matmul);
    return result;
  });
}

}  // namespace

void export_engine(Napi::Env env, Napi::Object exports) {
  exports.Set("version", Napi::String::New(env, DFMERGE_VERSION));
  exports.Set("info", Napi::Function::New(env, info));
  exports.Set("Engine", EngineObject::define(env));
}

}  // namespace dfmerge
