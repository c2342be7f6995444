#include "core/buffer.h"

#include <sys/mman.h>

#include <algorithm>

#include "core/error.h"

// In a build with the address sanitizer, whatever an arena has not handed out is poisoned, and a gap follows every
// range that it has.
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define DFMERGE_POISON(floats, count) ASAN_POISON_MEMORY_REGION(floats, static_cast<size_t>(count) * 4)
#define DFMERGE_UNPOISON(floats, count) ASAN_UNPOISON_MEMORY_REGION(floats, static_cast<size_t>(count) * 4)
#else
#define DFMERGE_POISON(floats, count) static_cast<void>(0)
#define DFMERGE_UNPOISON(floats, count) static_cast<void>(0)
#endif

namespace dfmerge {

Buffer::Buffer(int64_t size) : size_(size) {
  if (size == 0) return;
  void* memory =
      mmap(nullptr, static_cast<size_t>(bytes()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    size_ = 0;
    fail("IO", "out of memory: could not reserve %.1f MiB", static_cast<double>(size) * 4 / (1 << 20));
  }
#ifdef MADV_HUGEPAGE
  if (bytes() >= (4 << 20)) madvise(memory, static_cast<size_t>(bytes()), MADV_HUGEPAGE);
#endif
  data_ = static_cast<float*>(memory);
}

Buffer::~Buffer() {
  if (!data_) return;
  DFMERGE_UNPOISON(data_, size_);
  munmap(data_, static_cast<size_t>(bytes()));
}

namespace {
constexpr int64_t kMinimumBlock = 1 << 20;                                // floats: 4 MiB
int64_t rounded(int64_t floats) { return (floats + 15) & ~int64_t{15}; }  // whole 64-byte lines
#if defined(__SANITIZE_ADDRESS__)
constexpr int64_t kGap = 16;
#else
constexpr int64_t kGap = 0;
#endif
}  // namespace

float* Arena::allocate(int64_t floats) {
  const int64_t size = rounded(std::max<int64_t>(floats, 1)) + kGap;
  while (block_ < blocks_.size() && used_ + size > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    blocks_.emplace_back(std::max(size, kMinimumBlock));
    DFMERGE_POISON(blocks_.back().data(), blocks_.back().size());
  }
  float* start = blocks_[block_].data() + used_;
  DFMERGE_UNPOISON(start, floats);
  used_ += size;
  return start;
}

void Arena::release(Mark mark) {
  block_ = mark.block;
  used_ = mark.used;
  poison_rest();
}

// Everything behind the last range handed out.
void Arena::poison_rest() {
  for (size_t i = block_; i < blocks_.size(); ++i) {
    [[maybe_unused]] const int64_t from = i == block_ ? used_ : 0;
    DFMERGE_POISON(blocks_[i].data() + from, blocks_[i].size() - from);
  }
}

void Arena::reset() {
  if (blocks_.size() > 1) {
    const int64_t total = bytes() / 4;
    blocks_.clear();
    blocks_.emplace_back(total);
  }
  block_ = 0;
  used_ = 0;
  poison_rest();
}

int64_t Arena::bytes() const {
  int64_t total = 0;
  for (const Buffer& block : blocks_) total += block.bytes();
  return total;
}

void Arena::clear() {
  blocks_.clear();
  block_ = 0;
  used_ = 0;
}

}  // namespace dfmerge
