#include "training/adamw.h"

#include <cmath>

#include "core/error.h"

namespace dfmerge {

// Everything is computed in float64 and rounded once: in float32 1 - 0.999 would have a relative error of 5e-5.
AdamWKernel::AdamWKernel(const AdamWOptions& o, int step)
    : decay_(static_cast<float>(1 - o.learning_rate * o.weight_decay)),
      mean_rate_(static_cast<float>(1 - o.beta1)),
      beta2_(static_cast<float>(o.beta2)),
      square_rate_(static_cast<float>(1 - o.beta2)),
      step_size_(static_cast<float>(o.learning_rate / (1 - std::pow(o.beta1, step)))),
      root_correction_(static_cast<float>(std::sqrt(1 - std::pow(o.beta2, step)))),
      epsilon_(static_cast<float>(o.epsilon)) {
  for (double beta : {o.beta1, o.beta2})
    if (!(beta >= 0 && beta < 1)) fail("INVALID_ARGUMENT", "a beta is %g: expected a number in [0, 1)", beta);
  if (!(o.epsilon >= 0)) fail("INVALID_ARGUMENT", "epsilon is %g: expected at least 0", o.epsilon);
}

}  // namespace dfmerge
