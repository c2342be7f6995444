// Every C++ exception becomes a JavaScript error, whatever its type: none leaves a callback of Node-API.
#pragma once
#include <napi.h>

#include <new>
#include <string>

#include "core/error.h"

namespace dfmerge {

struct Failure {
  const char* code = "IO";  // one of lib/core/errors.ts, a literal
  std::string message;

  Napi::Error to_js(Napi::Env env) const {
    Napi::Error error = Napi::Error::New(env, message);
    error.Set("code", Napi::String::New(env, code));
    return error;
  }
};

// Describes what is being thrown. It is called inside a catch block and throws nothing itself: where there is no memory
// for a message it says so in words that need none.
inline Failure current_failure() noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      return {error.code(), error.what()};
    } catch (const std::bad_alloc&) {
      return {"IO", "out of memory"};
    } catch (const Napi::Error& error) {
      return {"IO", error.Message()};
    } catch (const std::exception& error) {
      return {"IO", error.what()};
    } catch (...) {
      return {"IO", "the native engine failed for a reason that it cannot name"};
    }
  } catch (...) {
    return {"IO", "out of memory"};
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
