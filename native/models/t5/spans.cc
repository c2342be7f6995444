#include "models/t5/spans.h"

namespace dfmerge::t5 {

SpanTable encoder_spans(const Batch& batch) {
  SpanTable result;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int64_t first = batch.input_offsets[i], rows = batch.input_offsets[i + 1] - first;
    result.spans.push_back({first, rows, first, rows, first, first, i});
    result.end_group();
  }
  return result;
}

SpanTable decoder_spans(const Batch& batch) {
  SpanTable result;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    for (int64_t c = batch.choice_offsets[i]; c < batch.choice_offsets[i + 1]; ++c) {
      const int64_t first = batch.label_offsets[c], rows = batch.label_offsets[c + 1] - first;
      result.spans.push_back({first, rows, first, rows, first, first, c});
    }
    result.end_group();
  }
  return result;
}

SpanTable cross_spans(const Batch& batch) {
  SpanTable result;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int64_t query = batch.label_offsets[batch.choice_offsets[i]],
                  rows = batch.label_offsets[batch.choice_offsets[i + 1]] - query;
    const int64_t key = batch.input_offsets[i], keys = batch.input_offsets[i + 1] - key;
    if (rows > 0) result.spans.push_back({query, rows, key, keys, query, key, i});
    result.end_group();
  }
  return result;
}

}  // namespace dfmerge::t5
