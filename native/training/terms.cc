#include "training/terms.h"

#include "core/error.h"

namespace dfmerge {

std::vector<GradientTerm> training_terms(const Batch& batch, double scale) {
  std::vector<GradientTerm> terms;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int32_t first = batch.choice_offsets[i], count = batch.choice_offsets[i + 1] - first;
    if (count == 0) fail("INVALID_ARGUMENT", "input %lld has no label", static_cast<long long>(i));
    terms.push_back({i, first, std::vector<float>(static_cast<size_t>(count), static_cast<float>(-scale)), 1.0f});
  }
  return terms;
}

}  // namespace dfmerge
