// One step of AdamW (Loshchilov and Hutter, 2019) with bias correction, in float32:
//
//   m = m + (1 - beta1) (g - m)
//   v = beta2 v + (1 - beta2) g^2
//   p = p (1 - rate decay) - rate / (1 - beta1^step) m / (sqrt(v) / sqrt(1 - beta2^step) + epsilon)
//
//   targets  parameters p, first moment m, second moment v, gradient g, which is zeroed behind the step
#pragma once
#include "merge/kernel.h"

namespace dfmerge {

struct AdamWOptions {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
};

class AdamWKernel : public Kernel {
 public:
  // `step` counts from 1. Throws INVALID_ARGUMENT for a beta outside [0, 1) and a negative epsilon.
  AdamWKernel(const AdamWOptions& options, int step);
  void apply(Context& context, const Chunk& chunk, const Sums& sums) const override;

 private:
  float decay_, mean_rate_, beta2_, square_rate_, step_size_, root_correction_, epsilon_;
};

}  // namespace dfmerge
