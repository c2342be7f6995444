// The output head at label positions: logits = h E^T, NLL = log sum exp(logits) - logit of the label.
#pragma once
#include "cpu/context.h"

namespace dfmerge {

struct Head {
  const float* weight;  // [vocabulary, d]
  const float* packed;  // its transpose as pack_matrix leaves it, or null
  int64_t vocabulary, d;
};

// nll[rows] of labels[rows] at h [rows, d]; logits of a few rows exist at a time.
void head_nll(Context& context, const Head& head, int64_t rows, const float* h, const int32_t* labels, double* nll);
// The same, leaving all logits [rows, vocabulary] for the backward pass.
void head_logits_nll(Context& context, const Head& head, int64_t rows, const float* h, const int32_t* labels,
                     float* logits, double* nll);

// dlogits[t] = scale[t] (softmax(logits[row_of[t]]) - onehot(label)); dlogits may be logits where row_of[t] = t.
struct CrossEntropyBackward {
  const float* logits;
  const int32_t* labels;  // of the forward rows
  const int64_t* row_of;  // [rows]
  const float* scale;     // [rows]
  float* dlogits;         // [rows, vocabulary]
};
void cross_entropy_backward(Context& context, int64_t rows, int64_t vocabulary, const CrossEntropyBackward& operands);

}  // namespace dfmerge
