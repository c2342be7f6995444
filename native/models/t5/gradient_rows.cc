#include "models/t5/gradient_rows.h"

#include "core/error.h"

namespace dfmerge::t5 {

GradientRows gradient_rows(const Batch& batch, const std::vector<GradientTerm>& terms) {
  GradientRows rows;
  rows.encoder.forward_rows = batch.input_tokens();
  rows.decoder.forward_rows = batch.label_tokens();
  for (size_t s = 0; s < terms.size(); ++s) {
    const GradientTerm& term = terms[s];
    const auto segment = static_cast<int64_t>(s);
    const int64_t key = batch.input_offsets[term.input], keys = batch.input_offsets[term.input + 1] - key;
    const int64_t last_choice = term.first_choice + static_cast<int64_t>(term.seeds.size());
    const int64_t query = batch.label_offsets[term.first_choice], queries = batch.label_offsets[last_choice] - query;
    rows.encoder.append(key, keys, term.weight);
    rows.decoder.append(query, queries, term.weight);
    const int64_t key_gradient = rows.encoder.gradient[s], query_gradient = rows.decoder.gradient[s];
    rows.encoder_self.spans.push_back({key, keys, key, keys, key_gradient, key_gradient, segment});
    rows.cross.spans.push_back({query, queries, key, keys, query_gradient, key_gradient, segment});
    for (int64_t c = term.first_choice; c < last_choice; ++c) {
      const int64_t first = batch.label_offsets[c], length = batch.label_offsets[c + 1] - first,
                    at = query_gradient + first - query;
      rows.decoder_self.spans.push_back({first, length, first, length, at, at, segment});
      rows.logit_scale.insert(rows.logit_scale.end(), static_cast<size_t>(length), -term.seeds[c - term.first_choice]);
    }
    if (s + 1 == terms.size() || terms[s + 1].input != term.input) {
      rows.encoder_self.end_group();
      rows.decoder_self.end_group();
      rows.cross.end_group();
    }
  }
  return rows;
}

SegmentTable joined(const SegmentTable& segments) {
  SegmentTable one;
  one.forward_rows = segments.forward_rows;
  one.gradient = {0, segments.rows()};
  one.forward = {0};
  one.weight = {segments.weight[0]};
  one.row_of = segments.row_of;
  for (int64_t t = 0; t < segments.rows(); ++t)
    if (segments.row_of[t] != t) fail("INVALID_ARGUMENT", "a summed gradient needs every forward row once, in order");
  for (float weight : segments.weight)
    if (weight != one.weight[0]) fail("INVALID_ARGUMENT", "a summed gradient needs one weight");
  return one;
}

}  // namespace dfmerge::t5
