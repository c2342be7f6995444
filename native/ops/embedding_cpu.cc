#include <algorithm>
#include <cstring>

#include "ops/embedding.h"

namespace dfmerge {

void embedding(Context& context, int64_t rows, int64_t d, const float* table, const int32_t* ids, float* out) {
  constexpr int64_t kRowsPerTask = 64;
  context.pool.run((rows + kRowsPerTask - 1) / kRowsPerTask, [&](int64_t item, int) {
    for (int64_t row = item * kRowsPerTask; row < rows && row < (item + 1) * kRowsPerTask; ++row)
      std::memcpy(out + row * d, table + int64_t{ids[row]} * d, static_cast<size_t>(d) * 4);
  });
}

SparseRows embedding_backward(Context& context, int64_t d, const TokenGradients& encoder,
                              const TokenGradients& decoder) {
  struct Occurrence {
    int64_t row, segment;
    float* values;
  };
  std::vector<Occurrence> occurrences;
  for (const TokenGradients* side : {&encoder, &decoder})
    for (int64_t s = 0; s < side->segments.count(); ++s)
      for (int64_t t = side->segments.gradient[s]; t < side->segments.gradient[s + 1]; ++t)
        occurrences.push_back({side->ids[side->segments.row_of[t]], s, side->dx + t * d});
  std::stable_sort(occurrences.begin(), occurrences.end(), [](const Occurrence& a, const Occurrence& b) {
    return a.row != b.row ? a.row < b.row : a.segment < b.segment;
  });
  SparseRows result;
  std::vector<int64_t> first;  // of each run of equal (row, segment)
  for (size_t i = 0; i < occurrences.size(); ++i) {
    const Occurrence& o = occurrences[i];
    if (i > 0 && o.row == occurrences[i - 1].row && o.segment == occurrences[i - 1].segment) continue;
    first.push_back(static_cast<int64_t>(i));
    result.entries.push_back({o.row, o.segment, o.values});
  }
  first.push_back(static_cast<int64_t>(occurrences.size()));
  context.pool.run(static_cast<int64_t>(result.entries.size()), [&](int64_t run, int) {
    float* total = occurrences[first[run]].values;
    for (int64_t i = first[run] + 1; i < first[run + 1]; ++i) context.kernels.add(total, occurrences[i].values, d);
  });
  return result;
}

}  // namespace dfmerge
