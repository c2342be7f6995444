// The driver of merges with a kernel that only tests need.
#pragma once
#include <napi.h>

namespace dfmerge {

Napi::Object merge_object(Napi::Env env);

}  // namespace dfmerge
