// What every CPU op needs: kernels, threads, and scratch memory of its own per thread.
#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core/buffer.h"
#include "core/error.h"
#include "cpu/kernels.h"
#include "cpu/onednn.h"
#include "cpu/parallel.h"

namespace dfmerge {

enum class Compute { kFloat32, kBfloat16 };  // of matrix products' operands

inline Compute parse_compute(const std::string& dtype) {
  if (dtype == "float32") return Compute::kFloat32;
  if (dtype == "bfloat16") return Compute::kBfloat16;
  if (dtype == "float16") fail("UNSUPPORTED", "dtype float16: T5 overflows in it; compute in float32 or bfloat16");
  fail("UNSUPPORTED", "dtype %s: expected float32 or bfloat16", dtype.c_str());
}

struct Context {
  Context(const Kernels& table, int threads, Compute compute_dtype = Compute::kFloat32,
          std::unique_ptr<Onednn> other_products = nullptr)
      : kernels(table),
        compute(compute_dtype),
        onednn(std::move(other_products)),
        pool(threads),
        scratch(static_cast<size_t>(threads)) {}
  const Kernels& kernels;
  const Compute compute;
  const std::unique_ptr<Onednn> onednn;  // of matmul(); null: the built-in products
  ThreadPool pool;
  std::vector<Arena> scratch;     // scratch[thread]: used inside one item of a parallel region, released at its end
  Arena shared;                   // packed operands of the product in progress
  std::atomic<bool> stop{false};  // raised by another thread that wants the work to end

  // exact: operands stay float32 whatever `compute` is.
  const MatmulKernels& matmul_kernels(bool exact = false) const {
    return compute == Compute::kBfloat16 && !exact ? *kernels.bf16_matmul : *kernels.float_matmul;
  }
  // oneDNN for such products; null: the built-in ones. It is set up for one dtype.
  Onednn* onednn_for(bool exact) const { return compute == Compute::kBfloat16 && exact ? nullptr : onednn.get(); }

  void check_stop() const {
    if (stop) fail("ABORTED", "stopped");
  }

  int64_t bytes() const {
    int64_t total = shared.bytes();
    for (const Arena& arena : scratch) total += arena.bytes();
    return total;
  }
};

// Releases what a scope took from an arena.
class ArenaScope {
 public:
  explicit ArenaScope(Arena& arena) : arena_(arena), mark_(arena.mark()) {}
  ~ArenaScope() { arena_.release(mark_); }
  ArenaScope(const ArenaScope&) = delete;
  ArenaScope& operator=(const ArenaScope&) = delete;

 private:
  Arena& arena_;
  Arena::Mark mark_;
};

}  // namespace dfmerge
