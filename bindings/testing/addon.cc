// The addon of tests and benchmarks: everything that the users' addon exports, single ops on JavaScript's arrays, and
// ops that are timed natively. Its exports stand in bindings/testing/index.ts.
#include <napi.h>

#include "exports.h"
#include "testing/bench_object.h"
#include "testing/faults_object.h"
#include "testing/kernels_object.h"
#include "testing/merge_object.h"

namespace dfmerge {

namespace {

Napi::Object initialize_addon(Napi::Env env, Napi::Object exports) {
  export_engine(env, exports);
  exports.Set("kernels", kernels_object(env));
  exports.Set("bench", bench_object(env));
  exports.Set("faults", faults_object(env));
  exports.Set("merge", merge_object(env));
  return exports;
}

}  // namespace

NODE_API_MODULE(dfmerge_testing, initialize_addon)

}  // namespace dfmerge
