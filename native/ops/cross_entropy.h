// The output head at label positions: logits = h E^T, NLL = log sum exp(logits) - logit of the label.
#pragma once
#include "ops/matmul.h"
#include "ops/segments.h"

namespace dfmerge {

struct Head {
  const float* weight;  // [vocabulary, d]
  const float* packed;  // its transpose as Weights::forward gives it, or null
  int64_t vocabulary, d;
};

struct HeadNll {
  const Head& head;
  int64_t rows;
  const float* h;         // [rows, d]
  const int32_t* labels;  // [rows]
  double* nll;            // [rows], in host memory
  float* logits;          // [rows, vocabulary]; null: a few tiles of them exist at a time
};

// dlogits[t] = scale[t] (softmax(logits[row_of[t]]) - onehot(label)); dlogits may be logits where row_of[t] = t.
struct CrossEntropyBackward {
  int64_t rows, vocabulary;
  const float* logits;
  const int32_t* labels;  // of the forward rows
  const int64_t* row_of;  // [rows]
  const float* scale;     // [rows]
  float* dlogits;         // [rows, vocabulary]
};

namespace cpu {
void head_nll(Context& context, const HeadNll& o);
void cross_entropy_backward(Context& context, const CrossEntropyBackward& o);
}  // namespace cpu

inline constexpr Op<cpu::head_nll> head_nll;
inline constexpr Op<cpu::cross_entropy_backward> cross_entropy_backward;

}  // namespace dfmerge
