// Kernels on operands of their own, timed where they run: what `npm run bench` measures without JavaScript's arrays in
// between.
#pragma once
#include <napi.h>

namespace dfmerge {

Napi::Object bench_object(Napi::Env env);

}  // namespace dfmerge
