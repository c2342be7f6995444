#include <algorithm>
#include <cmath>

#include "ops/cross_entropy.h"
#include "ops/matmul.h"

namespace dfmerge {

void head_logits_nll(Context& context, const Head& head, int64_t rows, const float* h, const int32_t* labels,
                     float* logits, double* nll) {
  matmul(context, {rows, head.vocabulary, head.d}, row_major(h, head.d), transposed(head.weight, head.d), logits,
         head.vocabulary, false, {head.packed});
  context.pool.run(rows, [&](int64_t row, int) {
    const float* x = logits + row * head.vocabulary;
    const float top = context.kernels.maximum(x, head.vocabulary);
    const double sum = context.kernels.exp_sum(x, top, head.vocabulary);
    nll[row] = std::log(sum) + (static_cast<double>(top) - x[labels[row]]);
  });
}

namespace {

constexpr int64_t kTileRows = 192, kTileColumns = 256;  // a tile of logits stays in the second-level cache

// What a tile leaves of a row: sum_i exp(logit_i - top).
struct Partial {
  float top, sum;
};

// Where oneDNN multiplies, whose packed weights are its own: some rows at a time.
void head_nll_by_rows(Context& context, const Head& head, int64_t rows, const float* h, const int32_t* labels,
                      double* nll) {
  ArenaScope scope(context.shared);
  float* logits = context.shared.allocate(std::min(rows, kTileRows) * head.vocabulary);
  for (int64_t first = 0; first < rows; first += kTileRows)
    head_logits_nll(context, head, std::min(kTileRows, rows - first), h + first * head.d, labels + first, logits,
                    nll + first);
}

}  // namespace

// Tile by tile; a row's partial sums are joined in the order of the columns.
void head_nll(Context& context, const Head& head, int64_t rows, const float* h, const int32_t* labels, double* nll) {
  if (context.onednn) return head_nll_by_rows(context, head, rows, h, labels, nll);
  const int64_t tiles = (head.vocabulary + kTileColumns - 1) / kTileColumns,
                strips = (rows + kTileRows - 1) / kTileRows;
  std::vector<Partial> partials(static_cast<size_t>(rows * tiles));
  std::vector<float> of_label(static_cast<size_t>(rows));
  context.check_stop();
  const PackedRows packed(context, rows, head.d, row_major(h, head.d));
  context.pool.run(tiles * strips, [&](int64_t item, int thread) {
    Arena& scratch = context.scratch[thread];
    ArenaScope scope(scratch);
    const int64_t tile = item / strips, column = tile * kTileColumns,
                  columns = std::min(kTileColumns, head.vocabulary - column);
    const int64_t first = item % strips * kTileRows, last = std::min(rows, first + kTileRows);
    float* logits = scratch.allocate((last - first) * columns);
    packed.multiply(scratch, {first, last, column, column + columns},
                    {head.vocabulary, transposed(head.weight, head.d), head.packed}, logits, columns);
    for (int64_t row = first; row < last; ++row) {
      const float* x = logits + (row - first) * columns;
      const float top = context.kernels.maximum(x, columns);
      partials[row * tiles + tile] = {top, context.kernels.exp_sum(x, top, columns)};
      if (labels[row] >= column && labels[row] < column + columns) of_label[row] = x[labels[row] - column];
    }
  });
  for (int64_t row = 0; row < rows; ++row) {
    const Partial* partial = partials.data() + row * tiles;
    float top = partial[0].top;
    for (int64_t t = 1; t < tiles; ++t) top = partial[t].top > top ? partial[t].top : top;
    double sum = 0;
    for (int64_t t = 0; t < tiles; ++t) sum += partial[t].sum * std::exp(static_cast<double>(partial[t].top) - top);
    nll[row] = std::log(sum) + (static_cast<double>(top) - of_label[row]);
  }
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
