// Failures made on purpose: exceptions of every kind where native code meets JavaScript, and a system that refuses
// threads.
#pragma once
#include <napi.h>

namespace dfmerge {

Napi::Object faults_object(Napi::Env env);

}  // namespace dfmerge
