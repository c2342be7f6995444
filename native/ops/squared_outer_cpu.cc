#include <algorithm>

#include "ops/squared_outer.h"

namespace dfmerge {

namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t kPanelsPerTask = 16;      // A panels of one task: they share a B panel that stays in the first-level cache
constexpr int64_t kRowsPacked = 1 << 16;    // packed output rows at a time: bounds the scratch for a head of a large vocabulary

}  // namespace

void squared_outer(Context& context, OuterShape shape, const Segments& segments, OuterOperands operands, const SparseRows* extra, bool squared,
                   float* target) {
  const Kernels& kernels = context.kernels;
  const int64_t rows = segments.rows(), forward_rows = segments.forward_rows;
  const int mr = kernels.mr, nr = kernels.nr;
  ArenaScope scope(context.shared);
  const int64_t x_panels = divide_up(shape.in, nr);
  float* x_packed = context.shared.allocate(x_panels * nr * forward_rows);
  const int64_t chunk = std::max<int64_t>(mr, kRowsPacked * 64 / std::max<int64_t>(rows, 64) / mr * mr);  // output rows per chunk
  float* dy_packed = context.shared.allocate(divide_up(std::min(chunk, shape.out), mr) * mr * rows);
  for (int64_t first = 0; first < shape.out; first += chunk) {
    const int64_t out = std::min(chunk, shape.out - first);
    const int64_t dy_panels = divide_up(out, mr), new_x = first == 0 ? x_panels : 0;
    context.pool.run(new_x + dy_panels, [&](int64_t item, int) {
      if (item < new_x) {
        const int64_t column = item * nr;
        kernels.pack(x_packed + item * nr * forward_rows, nr, forward_rows, static_cast<int>(std::min<int64_t>(nr, shape.in - column)),
                     operands.x + column, operands.ldx, 1);
      } else {
        const int64_t panel = item - new_x, row = panel * mr;
        kernels.pack(dy_packed + panel * mr * rows, mr, rows, static_cast<int>(std::min<int64_t>(mr, out - row)), operands.dy + first + row,
                     operands.ldy, 1);
      }
    });
    const int64_t tasks = divide_up(dy_panels, kPanelsPerTask);
    context.pool.run(tasks * x_panels, [&](int64_t item, int) {
      context.check_stop();  // the head's product is the longest stretch of a backward pass
      const int64_t x_panel = item % x_panels, column = x_panel * nr;
      const float* x = x_packed + x_panel * nr * forward_rows;
      const int columns = static_cast<int>(std::min<int64_t>(nr, shape.in - column));
      const int64_t last_panel = std::min(dy_panels, (item / x_panels + 1) * kPanelsPerTask);
      for (int64_t panel = item / x_panels * kPanelsPerTask; panel < last_panel; ++panel) {
        const int64_t row = first + panel * mr;
        const int tile_rows = static_cast<int>(std::min<int64_t>(mr, shape.out - row));
        const float* dy = dy_packed + panel * mr * rows;
        // The sparse rows of this tile; with several of them per segment, a segment's lie apart, so look through all.
        const SparseRows::Entry *sparse = nullptr, *sparse_end = nullptr;
        if (extra) {
          const auto by_row = [](const SparseRows::Entry& entry, int64_t value) { return entry.row < value; };
          const auto* begin = extra->entries.data();
          const auto* end = begin + extra->entries.size();
          sparse = std::lower_bound(begin, end, row, by_row);
          sparse_end = std::lower_bound(sparse, end, row + tile_rows, by_row);
        }
        for (int64_t s = 0; s < segments.count(); ++s) {
          const float* added[kMaxTileRows] = {};
          bool any = false;
          for (const auto* entry = sparse; entry != sparse_end; ++entry) {
            if (entry->segment != s) continue;
            added[entry->row - row] = entry->values + column;
            any = true;
          }
          const int64_t g0 = segments.gradient[s];
          kernels.outer_tile(tile_rows, columns, segments.gradient[s + 1] - g0, dy + g0 * mr, x + segments.forward[s] * nr, any ? added : nullptr,
                             segments.weight[s], squared, target + row * shape.in + column, shape.in);
        }
      }
    });
  }
}

void squared_rows(Context& context, int64_t width, const Segments& segments, const SparseRows& extra, bool squared, float* target) {
  // Entries of one row follow one another; a task takes the rows whose first entry it holds.
  constexpr int64_t kEntries = 64;
  const auto& entries = extra.entries;
  const int64_t total = static_cast<int64_t>(entries.size());
  context.pool.run(divide_up(total, kEntries), [&](int64_t item, int) {
    int64_t i = item * kEntries;
    const int64_t end = std::min(total, i + kEntries);
    while (i > 0 && i < end && entries[i].row == entries[i - 1].row) ++i;
    for (; i < total && (i < end || entries[i].row == entries[i - 1].row); ++i) {
      float* row = target + entries[i].row * width;
      const float weight = segments.weight[entries[i].segment];
      if (squared)
        context.kernels.add_weighted_square(row, entries[i].values, weight, width);
      else
        context.kernels.add_scaled(row, entries[i].values, weight, width);
    }
  });
}

}  // namespace dfmerge
