#include "device.h"

#include "core/error.h"
#include "cpu/host_memory.h"
#include "cpu/isa.h"
#include "cpu/onednn.h"

namespace dfmerge {

namespace {

DeviceKind parse_kind(const std::string& name) {
  if (name == "cpu") return DeviceKind::kCpu;
  fail("UNSUPPORTED", "device %s: this build has no CUDA kernels, use cpu", name.c_str());
}

}  // namespace

Device::Device(const DeviceOptions& options)
    : options_(options), kind_(parse_kind(options.name)), compute_(parse_compute(options.dtype)) {
  if (options.threads < 1 || options.threads > 1024)
    fail("INVALID_ARGUMENT", "threads is %d: expected 1 to 1024", options.threads);
}

Memory& Device::memory() const {
  switch (kind_) {
    case DeviceKind::kCpu:
      return host_memory();
  }
  __builtin_unreachable();
}

Stream::Stream(Device& device) : device_(device) {
  const DeviceOptions& options = device.options();
  cpu_ = std::make_unique<Context>(select_kernels(options.isa), options.threads, device.compute());
  cpu_->onednn = select_onednn(device.compute() == Compute::kBfloat16, options.matmul);
}

std::string Stream::matmul() const { return cpu_->onednn ? cpu_->onednn->name() : "builtin"; }

}  // namespace dfmerge
