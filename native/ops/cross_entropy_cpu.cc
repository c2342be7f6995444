#include <algorithm>
#include <cmath>
#include <vector>

#include "core/arithmetic.h"
#include "ops/cross_entropy.h"
#include "ops/matmul_cpu.h"

namespace dfmerge::cpu {

namespace {

constexpr int64_t kTileRows = 192, kTileColumns = 256;  // a tile of logits stays in the second-level cache

// All that is kept of a row's logits in one tile: their maximum `top`, and the sum of exp(logit_i - top).
struct Partial {
  float top, sum;
};

void nll_keeping_logits(Context& context, const HeadNll& o) {
  const Head& head = o.head;
  matmul(context, {{o.rows, head.vocabulary, head.d},
                   row_major(o.h, head.d),
                   transposed(head.weight, head.d),
                   {o.logits, head.vocabulary},
                   {head.packed}});
  context.pool.run(o.rows, [&](int64_t row, int) {
    const float* x = o.logits + row * head.vocabulary;
    const float top = context.kernels.maximum(x, head.vocabulary);
    const double sum = context.kernels.exp_sum(x, top, head.vocabulary);
    o.nll[row] = std::log(sum) + (static_cast<double>(top) - x[o.labels[row]]);
  });
}

// oneDNN packs weights in a layout of its own, in which the tiles of nll_by_tiles cannot be found. So the whole head is
// multiplied, with a few rows at a time.
void nll_by_rows(Context& context, const HeadNll& o) {
  ArenaScope scope(context.shared);
  float* logits = context.shared.allocate(std::min(o.rows, kTileRows) * o.head.vocabulary);
  for (int64_t first = 0; first < o.rows; first += kTileRows)
    nll_keeping_logits(context, {o.head, std::min(kTileRows, o.rows - first), o.h + first * o.head.d, o.labels + first,
                                 o.nll + first, logits});
}

// Computes the logits tile by tile, and joins the partial sums of a row in the order of its columns, whichever threads
// made them.
void nll_by_tiles(Context& context, const HeadNll& o) {
  const Head& head = o.head;
  const int64_t tiles = divide_up(head.vocabulary, kTileColumns), strips = divide_up(o.rows, kTileRows);
  std::vector<Partial> partials(static_cast<size_t>(o.rows * tiles));
  std::vector<float> of_label(static_cast<size_t>(o.rows));
  context.check_stop();
  const PackedRows packed(context, {o.rows, head.d, row_major(o.h, head.d)});
  context.pool.run(tiles * strips, [&](int64_t item, int thread) {
    Arena& scratch = context.scratch[thread];
    ArenaScope scope(scratch);
    const int64_t tile = item / strips, column = tile * kTileColumns,
                  columns = std::min(kTileColumns, head.vocabulary - column);
    const int64_t first = item % strips * kTileRows, last = std::min(o.rows, first + kTileRows);
    float* logits = scratch.allocate((last - first) * columns);
    packed.multiply(scratch, {{first, last, column, column + columns},
                              {head.vocabulary, transposed(head.weight, head.d), head.packed},
                              {logits, columns}});
    for (int64_t row = first; row < last; ++row) {
      const float* x = logits + (row - first) * columns;
      const float top = context.kernels.maximum(x, columns);
      partials[row * tiles + tile] = {top, context.kernels.exp_sum(x, top, columns)};
      if (o.labels[row] >= column && o.labels[row] < column + columns) of_label[row] = x[o.labels[row] - column];
    }
  });
  for (int64_t row = 0; row < o.rows; ++row) {
    const Partial* partial = partials.data() + row * tiles;
    float top = partial[0].top;
    for (int64_t t = 1; t < tiles; ++t) top = partial[t].top > top ? partial[t].top : top;
    double sum = 0;
    for (int64_t t = 0; t < tiles; ++t) sum += partial[t].sum * std::exp(static_cast<double>(partial[t].top) - top);
    o.nll[row] = std::log(sum) + (static_cast<double>(top) - of_label[row]);
  }
}

}  // namespace

void head_nll(Context& context, const HeadNll& o) {
  if (o.logits) return nll_keeping_logits(context, o);
  context.onednn ? nll_by_rows(context, o) : nll_by_tiles(context, o);
}

void cross_entropy_backward(Context& context, const CrossEntropyBackward& o) {
  context.pool.run(o.rows, [&](int64_t row, int) {
    const float* x = o.logits + o.row_of[row] * o.vocabulary;
    float* dx = o.dlogits + row * o.vocabulary;
    const float top = context.kernels.maximum(x, o.vocabulary);
    const float sum = context.kernels.exp_sum(x, top, o.vocabulary);
    context.kernels.exp_scale({dx, x, top, o.scale[row] / sum, o.vocabulary});
    dx[o.labels[o.row_of[row]]] -= o.scale[row];
  });
}

}  // namespace dfmerge::cpu
