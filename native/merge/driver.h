// Walks tensors in chunks, on all threads, over any number of sources and targets:
//
//   source 0  [.......|.......|...]        An item is a run of chunks of one tensor. A thread takes an item and hands
//   source 1  [.......|.......|...]  --->  the kernel one chunk after another: the same elements of every source as
//   target 0  [.......|.......|...]        float32, and where those of every target lie.
//
// A kernel that has something to reduce gets two sweeps: the first adds up its sums, the second applies them. Each item
// has sums of its own, which are added in the order of the elements, so that the bits do not depend on the threads.
#pragma once
#include <string>
#include <vector>

#include "device.h"
#include "merge/block.h"
#include "merge/kernel.h"
#include "merge/source.h"

namespace dfmerge {

struct WalkedTensor {
  std::string name;
  int64_t elements;
};

// The operands of a kernel, in the order that it states. A block may be a source and a target at once.
struct Operands {
  std::vector<const Source*> sources;
  std::vector<const Block*> targets;
};

struct Walk {
  const std::vector<WalkedTensor>& tensors;
  const Kernel& kernel;
  const Operands& operands;
};

// Applies a kernel to all elements of the tensors, and checks the sources before and after. Throws what the kernel and
// its sources throw, and ABORTED where the stream is stopped; the targets are then half done.
namespace cpu {
void walk(Context& context, const Walk& walk);
}
inline constexpr Op<cpu::walk> walk;

}  // namespace dfmerge
