// The device that a single op runs on, from the first argument of every function of the testing addon.
#pragma once
#include "args.h"
#include "device.h"

namespace dfmerge {

struct Machine {
  explicit Machine(const DeviceOptions& options) : device(options), stream(device) {}
  Device device;
  Stream stream;

  // `size` floats, zeroed.
  Buffer buffer(int64_t size) { return Buffer(device.memory(), size); }
};

// { isa: "" for the best, threads, device: "cpu" if absent, dtype of products: "float32" if absent, matmul: "builtin"
// if absent, or "onednn" }.
inline DeviceOptions device_options_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "options");
  const auto text = [&](const char* name, const char* absent) {
    return o.Get(name).IsUndefined() ? absent : string_of(o.Get(name), name);
  };
  return {text("device", "cpu"), int_of(o.Get("threads"), "threads"), text("dtype", "float32"),
          string_of(o.Get("isa"), "isa"), text("matmul", "builtin")};
}

}  // namespace dfmerge
