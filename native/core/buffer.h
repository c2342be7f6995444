// Owned memory of a device: a fixed block, and an arena that hands out activations.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dfmerge {

// The memory of one device, which buffers are taken from. It outlives them.
class Memory {
 public:
  virtual ~Memory() = default;
  // `size` > 0 floats, zeroed, on a line of 64 bytes at least. Throws IO where the device has no such block left.
  virtual float* allocate(int64_t size) = 0;
  virtual void release(float* data, int64_t size) noexcept = 0;
};

// Owns `size` floats of a device, zeroed. It moves and is never copied.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Memory& memory, int64_t size)
      : memory_(&memory), data_(size > 0 ? memory.allocate(size) : nullptr), size_(size) {}
  ~Buffer() {
    if (data_) memory_->release(data_, size_);
  }
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  float* data() const { return data_; }
  int64_t size() const { return size_; }
  int64_t bytes() const { return size_ * 4; }

 private:
  Memory* memory_ = nullptr;
  float* data_ = nullptr;
  int64_t size_ = 0;
};

// Hands out ranges of floats that stay valid until reset() or a release() past them. In the steady state, when a batch
// is no larger than an earlier one, nothing is allocated: after a batch that needed several blocks, reset() joins them
// to one.
class Arena {
 public:
  explicit Arena(Memory& memory) : memory_(&memory) {}
  struct Mark {
    size_t block;
    int64_t used;
  };
  float* allocate(int64_t floats);  // on a line of 64 bytes, not zeroed
  Mark mark() const { return {block_, used_}; }
  void release(Mark mark);
  void reset();
  int64_t bytes() const;
  void clear();

 private:
  void poison_rest();  // has an effect in sanitized builds only

  Memory* memory_;
  std::vector<Buffer> blocks_;
  size_t block_ = 0;
  int64_t used_ = 0;
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
