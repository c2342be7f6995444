#include "core/mapping.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>

namespace dfmerge {

// A range of addresses that is a mapping of ours. The handler walks the list of them while others change it: a region
// is never freed, only used again, and counts from the moment when `begin` is set.
struct Region {
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> broken{false};
  bool used = false;
  Region* next = nullptr;
};

namespace {

std::atomic<Region*> regions{nullptr};
std::mutex regions_mutex;  // of those who change the list
struct sigaction before;   // the handler that was there before ours
uintptr_t page_size = 0;

// Puts zeros in the place of the page that is missing and of all behind it in the same mapping, as far as it is ours.
bool replace(uintptr_t address) {
  for (Region* region = regions.load(std::memory_order_acquire); region; region = region->next) {
    const uintptr_t begin = region->begin.load(std::memory_order_acquire), end = region->end.load();
    if (begin == 0 || address < begin || address >= end) continue;
    region->broken.store(true);
    const uintptr_t page = address & ~(page_size - 1);
    return mmap(reinterpret_cast<void*>(page), end - page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) !=
           MAP_FAILED;
  }
  return false;
}

// Calls only what a signal handler may call: system calls and atomics.
void on_bus_error(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const bool fault = info->si_code > 0;  // the signal was not sent by a process
  if (fault && replace(reinterpret_cast<uintptr_t>(info->si_addr))) {
    errno = error;
    return;
  }
  if (before.sa_flags & SA_SIGINFO) {
    before.sa_sigaction(signal, info, context);
  } else if (before.sa_handler == SIG_DFL || (before.sa_handler == SIG_IGN && fault)) {
    // The instruction meets the fault again, or the signal comes again, and the system does what it would have done.
    sigaction(signal, &before, nullptr);
    if (!fault) pthread_kill(pthread_self(), signal);
  } else if (before.sa_handler != SIG_IGN) {
    before.sa_handler(signal);
  }
  errno = error;
}

void install() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_size = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    sigaction(SIGBUS, nullptr, &before);
    struct sigaction action{};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, nullptr);
  });
}

Region* take(uintptr_t begin, uintptr_t end) {
  const std::lock_guard<std::mutex> lock(regions_mutex);
  Region* region = regions.load();
  while (region && region->used) region = region->next;
  if (!region) {
    region = new Region;
    region->next = regions.load();
    regions.store(region, std::memory_order_release);
  }
  region->used = true;
  region->broken = false;
  region->end = end;
  region->begin.store(begin, std::memory_order_release);
  return region;
}

}  // namespace

Mapping::Mapping(int descriptor, int64_t size) : size_(size) {
  install();
  void* map = mmap(nullptr, static_cast<size_t>(size), PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (map == MAP_FAILED) return;
  const auto begin = reinterpret_cast<uintptr_t>(map);
  const uintptr_t end = (begin + static_cast<uintptr_t>(size) + page_size - 1) & ~(page_size - 1);
  try {
    region_ = take(begin, end);
  } catch (...) {
    munmap(map, static_cast<size_t>(size));
    throw;
  }
  data_ = static_cast<const uint8_t*>(map);
}

Mapping::~Mapping() {
  if (!data_) return;
  region_->begin = 0;
  munmap(const_cast<uint8_t*>(data_), static_cast<size_t>(size_));
  const std::lock_guard<std::mutex> lock(regions_mutex);
  region_->used = false;
}

bool Mapping::broken() const { return region_ && region_->broken; }

void accept_bus_errors() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGBUS);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace dfmerge
