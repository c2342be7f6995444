// The addon that users get; its exports stand in bindings/index.ts.
#include <napi.h>

#include "exports.h"

namespace dfmerge {

namespace {

Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) {
  export_engine(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(dfmerge, initialize_addon)

}  // namespace dfmerge
