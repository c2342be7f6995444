// The one switch between devices. A Device names the hardware and owns its memory; a Stream is work in order on it; an
// Op is a function with one implementation per device, which is chosen here and nowhere else:
//
//   ops/rms_norm.h          namespace cpu { void rms_norm(Context&, const RmsNorm&); }
//                           inline constexpr Op<cpu::rms_norm> rms_norm;
//   models/t5/forward.cc    rms_norm(stream, {rows, d, x, weight, epsilon, y, r});
//
// Today the CPU is the only device. Another one adds its kind, its context in Stream, its memory in Device, and a
// second parameter of Op; models and the engine see none of it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "cpu/context.h"

namespace dfmerge {

enum class DeviceKind { kCpu };

struct DeviceOptions {
  std::string name = "cpu";
  int threads = 1;                // the caller of an op is one of them
  std::string dtype = "float32";  // in which operands of matrix products are multiplied
  std::string isa;                // of the CPU; empty stands for DFMERGE_ISA, or else this machine's best
  std::string matmul;             // builtin or onednn; empty stands for DFMERGE_MATMUL, or else the dtype's default
};

class Device {
 public:
  // Throws UNSUPPORTED for a device, dtype, instruction set or matmul that this build or machine lacks, and
  // INVALID_ARGUMENT for a number of threads outside 1 to 1024.
  explicit Device(const DeviceOptions& options);
  DeviceKind kind() const { return kind_; }
  const DeviceOptions& options() const { return options_; }
  Compute compute() const { return compute_; }
  Memory& memory() const;

 private:
  DeviceOptions options_;
  DeviceKind kind_;
  Compute compute_;
};

// Work in the order in which it is given to one device, by one thread at a time. On the CPU work is done when the call
// that gives it returns.
class Stream {
 public:
  explicit Stream(Device& device);

  Device& device() const { return device_; }
  // What the CPU's implementations work with: kernels, threads and scratch memory.
  Context& cpu() const { return *cpu_; }
  // Whether products round their operands to bfloat16.
  bool rounds() const { return device_.compute() == Compute::kBfloat16; }
  // The code that multiplies matrices: "builtin", or oneDNN with its version and instructions.
  std::string matmul() const;

  // How many threads work, which are fewer than were asked for where the system refused some. Results are the same.
  int threads() const { return cpu_->pool.size(); }

  // stop() is called by another thread: what runs, and what is given before clear_stop(), ends with ABORTED.
  void stop() { cpu_->stop = true; }
  void clear_stop() { cpu_->stop = false; }
  void check_stop() const { cpu_->check_stop(); }
  // How many times check_stop() was called.
  int64_t polls() const { return cpu_->polls; }

  // A host table as ops on this stream read it, valid until the table goes or changes. On the CPU it is the table.
  template <class T>
  const T* upload(const std::vector<T>& table) {
    return table.data();
  }
  // `count` values of the device's memory, once everything before has been done.
  template <class T>
  std::vector<T> download(const T* values, int64_t count) const {
    return std::vector<T>(values, values + count);
  }

  void reset() { cpu_->reset(); }  // called before a slice of work: frees all scratch memory
  int64_t bytes() const { return cpu_->bytes(); }

 private:
  Device& device_;
  std::unique_ptr<Context> cpu_;
};

// A function of a stream and its operands, which calls the implementation for the stream's device.
template <auto Cpu>
struct Op;

template <class Result, class... Operands, Result (*Cpu)(Context&, Operands...)>
struct Op<Cpu> {
  Result operator()(Stream& stream, Operands... operands) const {
    switch (stream.device().kind()) {
      case DeviceKind::kCpu:
        return Cpu(stream.cpu(), operands...);
    }
    __builtin_unreachable();
  }
};

}  // namespace dfmerge
