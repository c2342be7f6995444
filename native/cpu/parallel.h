// The engine's own threads. A region is a number of independent items; every item's result depends on its index alone,
// so the number of threads changes who computes an item, never what is computed. A worker that wakes when the caller
// has done everything already is not waited for: small regions cost no more than on one thread, and a busy machine does
// not stall them.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace dfmerge {

// How many threads start() still gives before it behaves as where the system refuses; negative stands for no limit.
// Tests of such systems set it.
extern std::atomic<int> threads_to_give;

// Threads that are joined where this ends, however it ends.
class Threads {
 public:
  Threads() = default;
  ~Threads() { join(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  int count() const { return static_cast<int>(threads_.size()); }
  // Starts one more, which runs `body`, a function that does not throw. Returns false where the system refuses it: its
  // owner has reached a limit (a container's on processes, ulimit -u), or there is no memory left for it.
  template <class Body>
  bool start(Body body) {
    if (refused()) return false;
    try {
      threads_.emplace_back(std::move(body));
    } catch (const std::system_error&) {
      return false;
    } catch (const std::bad_alloc&) {
      return false;
    }
    return true;
  }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  static bool refused();
  std::vector<std::thread> threads_;
};

class ThreadPool {
 public:
  // The caller of run() is one of the threads. Where the system refuses some, the pool has those that started.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  int size() const { return workers_.count() + 1; }

  // Calls body(item, thread) for every item in [0, items) and returns when all are done. thread is in [0, size()).
  // The first exception that an item throws is thrown again here.
  template <class Body>
  void run(int64_t items, const Body& body) {
    if (items <= 0) return;
    if (items == 1 || workers_.count() == 0) {
      for (int64_t i = 0; i < items; ++i) body(i, 0);
      return;
    }
    start(
        items,
        [](const void* context, int64_t item, int thread) { (*static_cast<const Body*>(context))(item, thread); },
        &body);
  }

 private:
  using Call = void (*)(const void*, int64_t, int);
  void start(int64_t items, Call call, const void* context);
  void work(int thread);
  void take(int thread) noexcept;

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::atomic<uint64_t> generation_{0};  // counts the regions
  std::atomic<int> joined_{0};           // workers inside the region
  int sleepers_ = 0;                     // workers that wait for a notification
  bool open_ = false;                    // workers may still join the region
  std::atomic<int64_t> next_{0};
  std::atomic<bool> failed_{false};
  bool stop_ = false;
  int64_t items_ = 0;
  Call call_ = nullptr;
  const void* context_ = nullptr;
  std::exception_ptr error_;
  Threads workers_;  // the last member: they use the others from the moment they start
};

}  // namespace dfmerge
