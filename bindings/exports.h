// What both addons export: the facts about the build and the engine.
#pragma once
#include <napi.h>

namespace dfmerge {

// Sets `version`, `info` and `Engine` on an addon's exports.
void export_engine(Napi::Env env, Napi::Object exports);

}  // namespace dfmerge
