// The likeliest next tokens: the largest logits of every row, with their log-probabilities.
#pragma once
#include "device.h"

namespace dfmerge {

struct BestToken {
  int32_t token;
  float log_probability;  // logit - log(sum exp(logits)); not finite where a logit of the row is not
};

// best[row] are the `count` largest of the row's logits, largest first, and of equal ones the lower token first.
struct BestTokens {
  int64_t rows, vocabulary, count;  // count is at most the vocabulary
  const float* logits;              // [rows, vocabulary]
  BestToken* best;                  // [rows, count], in host memory
};

namespace cpu {
void best_tokens(Context& context, const BestTokens& o);
}

inline constexpr Op<cpu::best_tokens> best_tokens;

}  // namespace dfmerge
