// The device that a single op runs on. The first argument of most functions of the testing addon describes it.
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

// Reads { isa, threads, device?, dtype?, matmul? }. An empty isa stands for the machine's best. The defaults are the
// device "cpu", products in "float32" and matmul "builtin", whose alternative is "onednn".
inline DeviceOptions device_options_of(const Napi::Value& value) {
  const Napi::Object o = object_of(value, "options");
  const auto text = [&](const char* name, const char* absent) {
    return o.Get(name).IsUndefined() ? absent : string_of(o.Get(name), name);
  };
  return {text("device", "cpu"), int_of(o.Get("threads"), "threads"), text("dtype", "float32"),
          string_of(o.Get("isa"), "isa"), text("matmul", "builtin")};
}

}  // namespace dfmerge
