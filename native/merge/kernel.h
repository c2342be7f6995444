// What a merge computes, a chunk at a time. Each kernel lies in files of its own: NAME.h says what it computes and
// which sources and targets it wants, NAME_cpu.cc computes it on the CPU. A kernel has one overload of reduce() and of
// apply() per device, told apart by the device's context, and the driver (merge/driver.h) is the Op that chooses.
#pragma once
#include <string>

#include "cpu/context.h"
#include "storage/tensor_range.h"

namespace dfmerge {

// What reduce() added up over the chunk's tensor, and over all tensors of the walk: Kernel::sums() numbers each.
struct Sums {
  const double *tensor, *all;
};

// The same elements of every source and of every target.
struct Chunk {
  const std::string& name;      // of the tensor, for messages
  ElementRange range;           // in the tensor; at most kChunk elements
  const float* const* sources;  // in the order that the kernel states, [range.count] each
  float* const* targets;        // likewise; changed in place
  bool streaming;               // no cache holds the targets until they are read again
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  // How many numbers reduce() adds up. Where it is 0, the default, there is nothing to reduce and one sweep is enough.
  virtual int sums() const { return 0; }
  // Adds to `sums` what apply() has to know of these elements. It leaves the targets alone. Many threads call it.
  virtual void reduce(Context&, const Chunk&, double* /* sums */) const {}
  // Computes these elements of the targets. Many threads call it. Throws NUMERIC, naming the tensor, where a result is
  // not finite.
  virtual void apply(Context& context, const Chunk& chunk, const Sums& sums) const = 0;
};

}  // namespace dfmerge
