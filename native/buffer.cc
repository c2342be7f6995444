#include "buffer.h"

#include <sys/mman.h>

#include <algorithm>

#include "error.h"

namespace dfmerge {

Buffer::Buffer(int64_t size) : size_(size) {
  if (size == 0) return;
  void* memory = mmap(nullptr, static_cast<size_t>(bytes()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
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
  if (data_) munmap(data_, static_cast<size_t>(bytes()));
}

namespace {
constexpr int64_t kMinimumBlock = 1 << 20;                                   // floats: 4 MiB
int64_t rounded(int64_t floats) { return (floats + 15) & ~int64_t{15}; }     // whole 64-byte lines
}  // namespace

float* Arena::allocate(int64_t floats) {
  const int64_t size = rounded(std::max<int64_t>(floats, 1));
  while (block_ < blocks_.size() && used_ + size > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) blocks_.emplace_back(std::max(size, kMinimumBlock));
  float* start = blocks_[block_].data() + used_;
  used_ += size;
  return start;
}

void Arena::release(Mark mark) {
  block_ = mark.block;
  used_ = mark.used;
}

void Arena::reset() {
  if (blocks_.size() > 1) {
    const int64_t total = bytes() / 4;
    blocks_.clear();
    blocks_.emplace_back(total);
  }
  block_ = 0;
  used_ = 0;
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
