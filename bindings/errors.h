// The one place where what C++ throws becomes a JavaScript error.
#pragma once
#include <napi.h>

#include <new>
#include <string>

#include "core/error.h"

namespace dfmerge {

struct Failure {
  std::string code = "IO";  // one of lib/core/errors.ts
  std::string message;

  Napi::Error to_js(Napi::Env env) const {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, code));
    return error;
  }
};

// Describes what is being thrown. It is called inside a catch block.
inline Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.code(), error.what()};
  } catch (const std::bad_alloc&) {
    return {"IO", "out of memory"};
  } catch (const std::exception& error) {
    return {"IO", error.what()};
  }
}

// Returns what body returns on JavaScript's thread. Errors of JavaScript's own pass as they are.
template <class Body>
Napi::Value guarded(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw current_failure().to_js(env);
  }
}

}  // namespace dfmerge
