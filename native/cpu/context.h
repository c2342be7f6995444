// What every CPU op needs: kernels, threads, and scratch memory of its own per thread.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "buffer.h"
#include "cpu/kernels.h"
#include "cpu/parallel.h"
#include "error.h"

namespace dfmerge {

struct Context {
  Context(const Kernels& table, int threads) : kernels(table), pool(threads), scratch(static_cast<size_t>(threads)) {}
  const Kernels& kernels;
  ThreadPool pool;
  std::vector<Arena> scratch;  // scratch[thread]: used inside one item of a parallel region, released at its end
  Arena shared;                // packed operands of the product in progress
  std::atomic<bool> stop{false};  // raised by another thread that wants the work to end

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
