#include <algorithm>
#include <cmath>

#include "ops/cross_entropy.h"
#include "ops/matmul.h"

namespace dfmerge {

void head_logits_nll(Context& context, const Head& head, int64_t rows, const float* h, const int32_t* labels, float* logits, double* nll) {
  matmul(context, {rows, head.vocabulary, head.d}, row_major(h, head.d), transposed(head.weight, head.d), logits, head.vocabulary, false,
         head.packed);
  context.pool.run(rows, [&](int64_t row, int) {
    const float* x = logits + row * head.vocabulary;
    const float top = context.kernels.maximum(x, head.vocabulary);
    const double sum = context.kernels.exp_sum(x, top, head.vocabulary);
    nll[row] = std::log(sum) + (static_cast<double>(top) - x[labels[row]]);
  });
}

void head_nll(Context& context, const Head& head, int64_t rows, const float* h, const int32_t* labels, double* nll) {
  constexpr int64_t kRows = 192;
  ArenaScope scope(context.shared);
  float* logits = context.shared.allocate(std::min(rows, kRows) * head.vocabulary);
  for (int64_t first = 0; first < rows; first += kRows)
    head_logits_nll(context, head, std::min(kRows, rows - first), h + first * head.d, labels + first, logits, nll + first);
}

void cross_entropy_backward(Context& context, int64_t rows, int64_t vocabulary, const CrossEntropyBackward& o) {
  context.pool.run(rows, [&](int64_t row, int) {
    const float* x = o.logits + o.row_of[row] * vocabulary;
    float* dx = o.dlogits + row * vocabulary;
    const float top = context.kernels.maximum(x, vocabulary);
    const float sum = context.kernels.exp_sum(x, top, vocabulary);
    context.kernels.exp_scale(dx, x, top, o.scale[row] / sum, vocabulary);
    dx[o.labels[o.row_of[row]]] -= o.scale[row];
  });
}

}  // namespace dfmerge
