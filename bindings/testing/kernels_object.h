// Single ops on JavaScript's arrays, for tests against plain loops.
#pragma once
#include <napi.h>

namespace dfmerge {

Napi::Object kernels_object(Napi::Env env);

}  // namespace dfmerge
