// The output head and its loss at label positions: logits = h E^T, and the NLL of a label is log(sum exp(logits)) minus
// the label's logit.
#pragma once
#include "ops/matmul.h"
#include "ops/segments.h"

namespace dfmerge {

struct Head {
  const float* weight;  // [vocabulary, d]
  const float* packed;  // E^T as Weights::forward gives it; null where it is not packed
  int64_t vocabulary, d;
};

struct HeadNll {
  const Head& head;
  int64_t rows;
  const float* h;         // [rows, d]
  const int32_t* labels;  // [rows]
  double* nll;            // [rows], in host memory
  float* logits;          // [rows, vocabulary]; where it is null, only a few tiles of logits exist at a time
};

// dlogits[t] = scale[t] (softmax(logits[f]) - onehot(labels[f])), where f = row_of[t] is the forward row. dlogits may
// be the memory of the logits where row_of[t] = t throughout.
struct CrossEntropyBackward {
  int64_t rows, vocabulary;
  const float* logits;
  const int32_t* labels;  // [forward rows]
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
