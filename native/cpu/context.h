// What every CPU op works with: kernels, threads, and scratch memory for each thread.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/error.h"
#include "cpu/host_memory.h"
#include "cpu/kernels.h"
#include "cpu/onednn.h"
#include "cpu/parallel.h"

namespace dfmerge {

enum class Compute { kFloat32, kBfloat16 };  // the dtype in which operands are multiplied

inline Compute parse_compute(const std::string& dtype) {
  if (dtype == "float32") return Compute::kFloat32;
  if (dtype == "bfloat16") return Compute::kBfloat16;
  if (dtype == "float16") fail("UNSUPPORTED", "dtype float16: a model overflows in it; compute in float32 or bfloat16");
  fail("UNSUPPORTED", "dtype %s: expected float32 or bfloat16", dtype.c_str());
}

struct Context {
  Context(const Kernels& table, int threads, Compute compute_dtype = Compute::kFloat32)
      : kernels(table), compute(compute_dtype), pool(threads), shared(host_memory()) {
    for (int thread = 0; thread < pool.size(); ++thread) scratch.emplace_back(host_memory());
  }
  const Kernels& kernels;
  const Compute compute;
  std::unique_ptr<Onednn> onednn;  // what matmul() uses; null stands for the built-in micro-kernels
  ThreadPool pool;
  std::vector<Arena> scratch;     // scratch[thread] is used inside one item of a parallel region, released at its end
  Arena shared;                   // packed operands of the product in progress
  std::atomic<bool> stop{false};  // raised by another thread that wants the work to end
  mutable std::atomic<int64_t> polls{0};  // how many times that was looked at

  // With `exact` the operands stay float32 whatever `compute` is.
  const MatmulKernels& matmul_kernels(bool exact = false) const {
    return compute == Compute::kBfloat16 && !exact ? *kernels.bf16_matmul : *kernels.float_matmul;
  }
  // oneDNN for such products, or null where the built-in micro-kernels take them. oneDNN is set up for one dtype, so it
  // never takes exact products beside bfloat16 ones.
  Onednn* onednn_for(bool exact) const { return compute == Compute::kBfloat16 && exact ? nullptr : onednn.get(); }

  void check_stop() const {
    polls.fetch_add(1, std::memory_order_relaxed);
    if (stop) fail("ABORTED", "stopped");
  }

  // Makes all scratch memory free again, at the start of a slice of work.
  void reset() {
    shared.reset();
    for (Arena& arena : scratch) arena.reset();
  }

  int64_t bytes() const {
    int64_t total = shared.bytes();
    for (const Arena& arena : scratch) total += arena.bytes();
    return total;
  }
};

}  // namespace dfmerge
