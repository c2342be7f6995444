// The parameters of one candidate as matrix products read them. What form that takes is the device's matter: the CPU
// packs every matrix once per candidate (weights_cpu.cc), so that each batch finds it ready. An architecture says only
// which matrices its products read.
#pragma once
#include <memory>
#include <vector>

#include "core/parameter_table.h"
#include "device.h"

namespace dfmerge {

// A matrix W [out, in] that a forward pass multiplies as x W^T and a backward pass as dy W: one parameter, or several
// of one width that adjoin, taken as one. Products in bfloat16 may be told to leave some operands in float32 ("exact").
struct WeightMatrix {
  int param;                 // the first
  int adjoining = 1;         // how many there are with it
  int exact_in_scoring = 0;  // so many of them, from the first on, are exact in a pass without gradients, where
                             // they are a product of their own
  bool exact_under_gradients = false;  // exact in a forward pass that a backward pass follows
};

class Weights {
 public:
  virtual ~Weights() = default;
  // Makes theta ready for a pass with or without gradients, unless it is since the last invalidate().
  virtual void prepare(const float* theta, bool gradients) = 0;
  virtual void invalidate() = 0;  // theta has changed
  virtual int64_t bytes() const = 0;

  // What a product takes as Reading::packed for W^T and for W of the matrix that starts with `param`, in the pass that
  // was prepared last; null where it takes the parameter itself. exact: as the product's own.
  virtual const float* forward(int param, bool exact) const = 0;
  virtual const float* backward(int param) const = 0;
};

// `matrices`: those first that should be ready first where memory does not hold all.
struct WeightsOf {
  const ParamTable& table;
  const std::vector<WeightMatrix>& matrices;
};

namespace cpu {
std::unique_ptr<Weights> make_weights(Context& context, const WeightsOf& o);
}

inline constexpr Op<cpu::make_weights> make_weights;

}  // namespace dfmerge
