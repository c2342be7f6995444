// Owned memory: a fixed block, and an arena that hands out activations.
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dfmerge {

// Owns `size` floats, zeroed, aligned to a page; pages are taken from the system at first touch. Moves, never copies.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(int64_t size);
  ~Buffer();
  Buffer(Buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  float* data() const { return data_; }
  int64_t size() const { return size_; }
  int64_t bytes() const { return size_ * 4; }

 private:
  float* data_ = nullptr;
  int64_t size_ = 0;
};

// Hands out float ranges that stay valid until reset() or a release() past them. In the steady state, when a batch is
// no larger than an earlier one, nothing is allocated: after a batch that needed several blocks, reset() joins them to
// one.
class Arena {
 public:
  struct Mark {
    size_t block;
    int64_t used;
  };
  float* allocate(int64_t floats);  // 64-byte aligned, not zeroed
  Mark mark() const { return {block_, used_}; }
  void release(Mark mark);
  void reset();
  int64_t bytes() const;
  void clear();

 private:
  void poison_rest();  // does nothing but in sanitized builds

  std::vector<Buffer> blocks_;
  size_t block_ = 0;
  int64_t used_ = 0;
};

}  // namespace dfmerge
