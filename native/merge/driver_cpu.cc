#include <algorithm>

#include "merge/driver.h"

namespace dfmerge {

namespace {

constexpr int64_t kItem = 16 * kChunk;          // elements of one parallel item
constexpr int64_t kCached = int64_t{64} << 20;  // bytes; no cache that is common today holds more

struct Item {
  int tensor;
  ElementRange range;
};

std::vector<Item> items_of(const std::vector<WalkedTensor>& tensors) {
  std::vector<Item> items;
  for (size_t t = 0; t < tensors.size(); ++t)
    for (int64_t first = 0; first < tensors[t].elements; first += kItem)
      items.push_back({static_cast<int>(t), {first, std::min(kItem, tensors[t].elements - first)}});
  return items;
}

class ChunkWalk {
 public:
  ChunkWalk(Context& context, const Walk& walk)
      : context_(context), tensors_(walk.tensors), operands_(walk.operands), items_(items_of(walk.tensors)) {
    for (const Block* target : operands_.targets) streaming_ = streaming_ || target->bytes() > kCached;
  }

  // Calls body(index of the item, its tensor, chunk) for every chunk, in order within an item.
  template <class Body>
  void for_chunks(const Body& body) const {
    context_.pool.run(static_cast<int64_t>(items_.size()), [&](int64_t index, int thread) {
      context_.check_stop();
      const Item& item = items_[index];
      std::vector<const float*> sources(operands_.sources.size());
      std::vector<float*> targets(operands_.targets.size());
      const ArenaScope scope(context_.scratch[thread]);
      float* buffer = sources.empty() ? nullptr : allocate(thread);
      for (int64_t done = 0; done < item.range.count; done += kChunk) {
        const ElementRange range{item.range.first + done, std::min(kChunk, item.range.count - done)};
        for (size_t i = 0; i < sources.size(); ++i)
          sources[i] = operands_.sources[i]->read(item.tensor, range, buffer + static_cast<int64_t>(i) * kChunk);
        for (size_t i = 0; i < targets.size(); ++i)
          targets[i] = operands_.targets[i]->tensor(item.tensor) + range.first;
        body(index, item.tensor, Chunk{tensors_[item.tensor].name, range, sources.data(), targets.data(), streaming_});
      }
    });
  }

  const std::vector<WalkedTensor>& tensors() const { return tensors_; }
  const std::vector<Item>& items() const { return items_; }

 private:
  float* allocate(int thread) const {
    return context_.scratch[thread].allocate(static_cast<int64_t>(operands_.sources.size()) * kChunk);
  }

  Context& context_;
  const std::vector<WalkedTensor>& tensors_;
  const Operands& operands_;
  const std::vector<Item> items_;
  bool streaming_ = false;
};

// Returns the sums of every tensor and, behind them, those of all tensors: [tensors + 1, sums].
std::vector<double> reduced(Context& context, const Kernel& kernel, const ChunkWalk& walk) {
  const auto sums = static_cast<size_t>(kernel.sums());
  const size_t tensors = walk.tensors().size();
  std::vector<double> of_items(walk.items().size() * sums), all((tensors + 1) * sums);
  walk.for_chunks([&](int64_t item, int, const Chunk& chunk) {
    kernel.reduce(context, chunk, of_items.data() + static_cast<size_t>(item) * sums);
  });
  for (size_t item = 0; item < walk.items().size(); ++item)
    for (size_t i = 0; i < sums; ++i)
      all[static_cast<size_t>(walk.items()[item].tensor) * sums + i] += of_items[item * sums + i];
  for (size_t tensor = 0; tensor < tensors; ++tensor)
    for (size_t i = 0; i < sums; ++i) all[tensors * sums + i] += all[tensor * sums + i];
  return all;
}

}  // namespace

namespace {

void check_sources(const Walk& walk) {
  for (const Source* source : walk.operands.sources) source->check();
}

void apply(Context& context, const Walk& walk) {
  const ChunkWalk chunks(context, walk);
  const auto sums = static_cast<size_t>(walk.kernel.sums());
  std::vector<double> all;
  if (sums > 0) all = reduced(context, walk.kernel, chunks);
  chunks.for_chunks([&](int64_t, int tensor, const Chunk& chunk) {
    const double* of_all = all.data() + walk.tensors.size() * sums;
    walk.kernel.apply(context, chunk, {all.data() + static_cast<size_t>(tensor) * sums, of_all});
  });
}

}  // namespace

void cpu::walk(Context& context, const Walk& walk) {
  check_sources(walk);
  try {
    apply(context, walk);
  } catch (...) {
    // What looks like a fault of the numbers may come of a file that changed. One who stopped the work asks no reason.
    if (!context.stop) check_sources(walk);
    throw;
  }
  check_sources(walk);
}

}  // namespace dfmerge
