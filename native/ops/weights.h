// The parameters of one candidate as matrix products read them. A candidate is scored on many batches, so a device may
// bring each matrix into the form that its products like best once, for all batches to read:
//
//     theta                       prepare(), once per candidate        read by every batch
//     W [out, in]  ---- W^T --->  forward(param):  W^T, ready   --->   x W^T   (forward pass)
//                   \-- W ----->  backward(param): W, ready     --->   dy W    (backward pass)
//
// What that form is concerns the device alone: the CPU packs panels for its micro-kernels (weights_cpu.cc). An
// architecture only says which matrices its products read.
#pragma once
#include <memory>
#include <vector>

#include "core/parameter_table.h"
#include "device.h"

namespace dfmerge {

// A matrix W [out, in] that a forward pass multiplies as x W^T and a backward pass as dy W. It is one parameter, or
// several that adjoin and have the same width. Where products round their operands to bfloat16, some matrices may be
// exempt, which is called exact: the operands of their products stay float32.
struct WeightMatrix {
  int param;          // the first parameter
  int adjoining = 1;  // how many parameters it is made of
  // In a pass without gradients, so many parameters from the first one on form an exact product of their own.
  int exact_in_scoring = 0;
  // Whether the matrix is exact in a forward pass that a backward pass follows.
  bool exact_under_gradients = false;
};

class Weights {
 public:
  virtual ~Weights() = default;
  // Makes theta ready for a pass with or without gradients, unless that was done since the last invalidate().
  virtual void prepare(const float* theta, bool gradients) = 0;
  // To be called when theta has changed.
  virtual void invalidate() = 0;
  virtual int64_t bytes() const = 0;

  // These return what a product takes as Reading::packed for W^T and for W, in the pass that was prepared last. `param`
  // is the first parameter of the matrix, and `exact` is the product's Reading::exact. They return null where the
  // product reads the parameter itself.
  virtual const float* forward(int param, bool exact) const = 0;
  virtual const float* backward(int param) const = 0;
};

// The matrices of a table of parameters. Where memory does not hold all, those that come first are made ready.
struct WeightsOf {
  const ParamTable& table;
  const std::vector<WeightMatrix>& matrices;
};

namespace cpu {
std::unique_ptr<Weights> make_weights(Context& context, const WeightsOf& o);
}

inline constexpr Op<cpu::make_weights> make_weights;

}  // namespace dfmerge
