// The core throws Error; the binding turns it into a JavaScript error with the same code.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace dfmerge {

class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;  // a string literal of lib/core/errors.ts' ErrorCode
};

// Throws Error{code} with a printf-formatted message.
[[noreturn]] inline void fail(const char* code, const char* format, ...) __attribute__((format(printf, 2, 3)));
inline void fail(const char* code, const char* format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  throw Error(code, text);
}

}  // namespace dfmerge
