#include "ops/embedding.h"

#include <algorithm>

namespace dfmerge {

TokenRuns token_runs(int64_t d, const TokenGradients& encoder, const TokenGradients& decoder) {
  struct Occurrence {
    int64_t row, segment;
    float* values;
    bool same(const Occurrence& other) const { return row == other.row && segment == other.segment; }
  };
  std::vector<Occurrence> occurrences;
  for (const TokenGradients* side : {&encoder, &decoder})
    for (int64_t s = 0; s < side->segments.count(); ++s)
      for (int64_t t = side->segments.gradient[s]; t < side->segments.gradient[s + 1]; ++t)
        occurrences.push_back({side->ids[side->segments.row_of[t]], s, side->dx + t * d});
  std::stable_sort(occurrences.begin(), occurrences.end(), [](const Occurrence& a, const Occurrence& b) {
    return a.row != b.row ? a.row < b.row : a.segment < b.segment;
  });
  TokenRuns runs;
  for (size_t i = 0; i < occurrences.size(); ++i) {
    const Occurrence& o = occurrences[i];
    runs.rows.push_back(o.values);
    if (i > 0 && o.same(occurrences[i - 1])) continue;
    runs.first.push_back(static_cast<int64_t>(i));
    runs.total.push_back({o.row, o.segment, o.values});
  }
  runs.first.push_back(static_cast<int64_t>(occurrences.size()));
  return runs;
}

}  // namespace dfmerge
