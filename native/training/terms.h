// Which gradient a step of training takes.
#pragma once
#include <vector>

#include "models/model.h"

namespace dfmerge {

// One term per input with all its choices, so that their sum is scale times the gradient of the NLL of all labels.
// Throws INVALID_ARGUMENT for an input without labels.
std::vector<GradientTerm> training_terms(const Batch& batch, double scale);

}  // namespace dfmerge
