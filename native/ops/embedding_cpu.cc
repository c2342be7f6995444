#include <cstring>

#include "core/arithmetic.h"
#include "ops/embedding.h"

namespace dfmerge::cpu {

void embedding(Context& context, const Embedding& o) {
  constexpr int64_t kRowsPerTask = 64;
  context.pool.run(divide_up(o.rows, kRowsPerTask), [&](int64_t item, int) {
    for (int64_t row = item * kRowsPerTask; row < o.rows && row < (item + 1) * kRowsPerTask; ++row)
      std::memcpy(o.out + row * o.d, o.table + int64_t{o.ids[row]} * o.d, static_cast<size_t>(o.d) * 4);
  });
}

void embedding_backward(Context& context, const EmbeddingBackward& o) {
  context.pool.run(o.runs, [&](int64_t run, int) {
    float* total = o.rows[o.first[run]];
    for (int64_t i = o.first[run] + 1; i < o.first[run + 1]; ++i) context.kernels.add(total, o.rows[i], o.d);
  });
}

}  // namespace dfmerge::cpu
