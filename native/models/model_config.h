// What an architecture is configured by: numbers and booleans by name, as they come over the boundary. Each
// architecture reads the settings that it knows; a missing or mistyped one is an INVALID_ARGUMENT error that names it.
#pragma once
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "core/error.h"

namespace dfmerge {

class ModelConfig {
 public:
  explicit ModelConfig(std::string architecture) : architecture_(std::move(architecture)) {}
  const std::string& architecture() const { return architecture_; }
  void set(const std::string& name, double value) { values_[name] = value; }
  void set(const std::string& name, bool value) { values_[name] = value; }

  double number(const char* name) const {
    const double* value = find<double>(name);
    if (!value) fail("INVALID_ARGUMENT", "%s: expected a number", name);
    if (!std::isfinite(*value)) fail("INVALID_ARGUMENT", "%s: expected a finite number", name);
    return *value;
  }
  int integer(const char* name) const {
    const double value = number(name);
    if (value != std::floor(value)) fail("INVALID_ARGUMENT", "%s: expected an integer", name);
    if (!(value >= -2147483648.0 && value <= 2147483647.0))
      fail("INVALID_ARGUMENT", "%s: %.0f is out of range", name, value);
    return static_cast<int>(value);
  }
  bool flag(const char* name) const {
    const bool* value = find<bool>(name);
    if (!value) fail("INVALID_ARGUMENT", "%s: expected true or false", name);
    return *value;
  }

 private:
  template <class T>
  const T* find(const char* name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? nullptr : std::get_if<T>(&found->second);
  }

  std::string architecture_;
  std::map<std::string, std::variant<double, bool>> values_;
};

}  // namespace dfmerge
