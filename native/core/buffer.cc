#include "core/buffer.h"

#include <algorithm>

#include "core/arithmetic.h"
#include "core/poison.h"

namespace dfmerge {

namespace {
constexpr int64_t kMinimumBlock = 1 << 20;  // floats, which are 4 MiB
constexpr int64_t kLine = 16;               // floats on a line of 64 bytes
#if defined(__SANITIZE_ADDRESS__)
constexpr int64_t kGap = 16;  // floats behind every range, which stay poisoned
#else
constexpr int64_t kGap = 0;
#endif
}  // namespace

float* Arena::allocate(int64_t floats) {
  const int64_t size = round_up(std::max<int64_t>(floats, 1), kLine) + kGap;
  while (block_ < blocks_.size() && used_ + size > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    blocks_.emplace_back(*memory_, std::max(size, kMinimumBlock));
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

// Poisons everything behind the last range that was handed out.
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
    blocks_.emplace_back(*memory_, total);
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
