#include <algorithm>
#include <cmath>

#include "ops/best_tokens.h"

namespace dfmerge::cpu {

namespace {

constexpr int64_t kBlock = 64;  // logits whose maximum is asked for before any of them is looked at

// Puts a token, with its logit in place of the log-probability, among the `count` best so far, of which `found` are
// there. Tokens come in rising order, so that equals stay behind.
void insert(BestToken* best, int64_t found, BestToken token) {
  int64_t at = found;
  for (; at > 0 && best[at - 1].log_probability < token.log_probability; --at) best[at] = best[at - 1];
  best[at] = token;
}

}  // namespace

void best_tokens(Context& context, const BestTokens& o) {
  context.pool.run(o.rows, [&](int64_t row, int) {
    const Kernels& kernels = context.kernels;
    const float* x = o.logits + row * o.vocabulary;
    BestToken* best = o.best + row * o.count;
    int64_t found = 0;
    for (int64_t first = 0; first < o.vocabulary; first += kBlock) {
      const int64_t last = std::min(o.vocabulary, first + kBlock);
      if (found == o.count && !(kernels.maximum(x + first, last - first) > best[found - 1].log_probability)) continue;
      for (int64_t i = first; i < last; ++i) {
        if (found == o.count && !(x[i] > best[found - 1].log_probability)) continue;
        if (found < o.count) ++found;
        insert(best, found - 1, {static_cast<int32_t>(i), x[i]});
      }
    }
    const float top = kernels.maximum(x, o.vocabulary);
    const auto log_sum = static_cast<float>(std::log(static_cast<double>(kernels.exp_sum(x, top, o.vocabulary))));
    for (int64_t i = 0; i < o.count; ++i) best[i].log_probability = best[i].log_probability - top - log_sum;
  });
}

}  // namespace dfmerge::cpu
