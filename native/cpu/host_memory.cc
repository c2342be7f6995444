#include "cpu/host_memory.h"

#include <sys/mman.h>

#include "core/error.h"
#include "core/poison.h"

namespace dfmerge {

namespace {

class HostMemory : public Memory {
 public:
  float* allocate(int64_t size) override {
    const auto bytes = static_cast<size_t>(size) * 4;
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      fail("IO", "out of memory: could not reserve %.1f MiB", static_cast<double>(size) * 4 / (1 << 20));
#ifdef MADV_HUGEPAGE
    if (bytes >= (4 << 20)) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
    return static_cast<float*>(memory);
  }
  void release(float* data, int64_t size) noexcept override {
    DFMERGE_UNPOISON(data, size);
    munmap(data, static_cast<size_t>(size) * 4);
  }
};

}  // namespace

Memory& host_memory() {
  static HostMemory memory;
  return memory;
}

}  // namespace dfmerge
