// Which rows of a forward pass attend to which: spans of forward rows, grouped by input.
#pragma once
#include "models/batch.h"
#include "ops/attention.h"

namespace dfmerge::t5 {

SpanTable encoder_spans(const Batch& batch);
SpanTable decoder_spans(const Batch& batch);
SpanTable cross_spans(const Batch& batch);  // all choices of an input attend to its encoder rows together

}  // namespace dfmerge::t5
