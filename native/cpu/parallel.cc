#include "cpu/parallel.h"

#include "core/mapping.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace dfmerge {

namespace {
// A region often follows another within microseconds, so threads spin for about that long before they sleep.
constexpr int kSpins = 2000;
inline void pause_briefly() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}
}  // namespace

std::atomic<int> threads_to_give{-1};

bool Threads::refused() {
  int left = threads_to_give.load();
  while (left > 0 && !threads_to_give.compare_exchange_weak(left, left - 1)) {
  }
  return left == 0;
}

ThreadPool::ThreadPool(int threads) {
  for (int i = 1; i < threads; ++i)
    if (!workers_.start([this, i] { work(i); })) return;
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  workers_.join();
}

void ThreadPool::take(int thread) noexcept {
  for (;;) {
    const int64_t item = next_.fetch_add(1, std::memory_order_relaxed);
    if (item >= items_ || failed_.load(std::memory_order_relaxed)) return;
    try {
      call_(context_, item, thread);
    } catch (...) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
      failed_ = true;
    }
  }
}

void ThreadPool::start(int64_t items, Call call, const void* context) {
  bool asleep;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    items_ = items;
    call_ = call;
    context_ = context;
    error_ = nullptr;
    failed_ = false;
    next_.store(0, std::memory_order_relaxed);
    open_ = true;
    generation_.fetch_add(1, std::memory_order_release);
    asleep = sleepers_ > 0;
  }
  if (asleep) wake_.notify_all();
  take(0);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = false;
  }
  for (int i = 0; i < kSpins && joined_.load(std::memory_order_acquire) != 0; ++i) pause_briefly();
  if (joined_.load(std::memory_order_acquire) != 0) {
    std::unique_lock<std::mutex> lock(mutex_);
    done_.wait(lock, [this] { return joined_.load(std::memory_order_acquire) == 0; });
  }
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::work(int thread) {
  accept_bus_errors();
  uint64_t seen = 0;
  for (;;) {
    for (int i = 0; i < kSpins && generation_.load(std::memory_order_acquire) == seen; ++i) pause_briefly();
    {
      std::unique_lock<std::mutex> lock(mutex_);
      ++sleepers_;
      wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
      --sleepers_;
      seen = generation_.load(std::memory_order_acquire);
      if (stop_) return;
      if (!open_) continue;
      joined_.fetch_add(1, std::memory_order_relaxed);
    }
    take(thread);
    std::lock_guard<std::mutex> lock(mutex_);
    if (joined_.fetch_sub(1, std::memory_order_acq_rel) == 1) done_.notify_one();
  }
}

}  // namespace dfmerge
