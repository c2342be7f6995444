// The ops of generation on JavaScript's arrays, for tests against plain loops.
#pragma once
#include <napi.h>

namespace dfmerge {

void export_generation_kernels(Napi::Object& exports);

}  // namespace dfmerge
