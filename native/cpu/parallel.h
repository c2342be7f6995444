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
#include <thread>
#include <vector>

namespace dfmerge {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // the caller of run() is one of them
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(item, thread) for every item in [0, items) and returns when all are done. thread is in [0, size()).
  // The first exception that an item throws is thrown again here.
  template <class Body>
  void run(int64_t items, const Body& body) {
    if (items <= 0) return;
    if (items == 1 || workers_.empty()) {
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
  void take(int thread);

  std::vector<std::thread> workers_;
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
};

}  // namespace dfmerge
