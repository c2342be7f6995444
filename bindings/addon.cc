// The addon's exports, in the order of bindings/index.ts.
#include <napi.h>

#include "args.h"
#include "cpu/isa.h"
#include "engine_object.h"
#include "kernels_object.h"

namespace dfmerge {

namespace {

// { isa, available: [names], built: [names], bfloat16, compiler }
Napi::Value info(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&]() -> Napi::Value {
    Napi::Env env = call.Env();
    auto result = Napi::Object::New(env);
    auto available = Napi::Array::New(env), built = Napi::Array::New(env);
    for (const Isa& isa : instruction_sets()) {
      built.Set(built.Length(), isa.name);
      if (isa.available()) available.Set(available.Length(), isa.name);
    }
    const Kernels& kernels = select_kernels();
    result.Set("isa", kernels.name);
    result.Set("available", available);
    result.Set("built", built);
    result.Set("bfloat16", kernels.bf16_products->unit == 2 ? "instructions" : "rounded");
    result.Set("compiler", __VERSION__);
    return result;
  });
}

Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) {
  exports.Set("info", Napi::Function::New(env, info));
  exports.Set("Engine", EngineObject::define(env));
  exports.Set("kernels", kernels_object(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(dfmerge, initialize_addon)

}  // namespace dfmerge
