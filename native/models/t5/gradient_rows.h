// Where the rows of a backward pass lie: which forward row each gradient row belongs to, and which rows attend to
// which.
#pragma once
#include "models/model.h"
#include "ops/attention.h"

namespace dfmerge::t5 {

// The rows of all terms, in order. Each term has the encoder rows of its input and the decoder rows of its choices.
struct GradientRows {
  SegmentTable encoder, decoder;
  SpanTable encoder_self, decoder_self, cross;  // grouped by runs of terms with the same input
  std::vector<float> logit_scale;               // minus the seed of the choice, per decoder gradient row
};

GradientRows gradient_rows(const Batch& batch, const std::vector<GradientTerm>& terms);

// Joins all segments to one, for plain sums. Throws INVALID_ARGUMENT where the rows are not the forward rows in order,
// or where weights differ.
SegmentTable joined(const SegmentTable& segments);

}  // namespace dfmerge::t5
