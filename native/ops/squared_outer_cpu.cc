#include <algorithm>

#include "ops/squared_outer.h"

namespace dfmerge {

namespace {

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t kPanelsPerTask = 16;      // A panels of one task: they share a B panel that stays in the second-level cache
constexpr int64_t kRowsPacked = 1 << 16;    // packed output rows at a time: bounds the scratch for a head of a large vocabulary

// Where segments lie in packed panels. A segment starts with a step of its own; segments one after another that stand on the same first
// forward row (choices of an input) share their rows of x. Depth that a shorter segment does not have meets zeros of dy there.
struct PackedSegments {
  std::vector<OuterSegment> segments;  // a: steps of dy, b: steps of x
  std::vector<int64_t> x_first, x_rows, x_step;  // blocks of x
  int64_t dy_steps = 0, x_steps = 0;

  PackedSegments(const ProductKernels& kernels, const Segments& all) {
    for (int64_t s = 0; s < all.count(); ++s) {
      const int64_t rows = all.gradient[s + 1] - all.gradient[s];
      if (x_first.empty() || x_first.back() != all.forward[s]) {
        close_block(kernels);
        x_first.push_back(all.forward[s]);
        x_rows.push_back(0);
        x_step.push_back(x_steps);
      }
      x_rows.back() = std::max(x_rows.back(), rows);
      segments.push_back({dy_steps, x_step.back(), kernels.steps(rows), all.weight[s]});
      dy_steps += kernels.steps(rows);
    }
    close_block(kernels);
  }

 private:
  void close_block(const ProductKernels& kernels) {
    if (!x_rows.empty()) x_steps += kernels.steps(x_rows.back());
  }
};

// The sparse rows that meet one tile's rows [row, row + count), by (row, segment).
struct TileRows {
  const SparseRows::Entry *begin = nullptr, *end = nullptr;

  TileRows(const SparseRows* extra, int64_t row, int64_t count) {
    if (!extra) return;
    const auto by_row = [](const SparseRows::Entry& entry, int64_t value) { return entry.row < value; };
    const auto* first = extra->entries.data();
    const auto* last = first + extra->entries.size();
    begin = std::lower_bound(first, last, row, by_row);
    end = std::lower_bound(begin, last, row + count, by_row);
  }

  // The first segment from s on that has a sparse row here; `none` if there is none.
  int64_t next(int64_t s, int64_t none) const {
    for (const auto* entry = begin; entry != end; ++entry)
      if (entry->segment >= s) none = std::min(none, entry->segment);
    return none;
  }
};

}  // namespace

void squared_outer(Context& context, OuterShape shape, const Segments& segments, OuterOperands operands, const SparseRows* extra, bool squared,
                   float* target) {
  const ProductKernels& kernels = context.products();
  const int mr = kernels.mr, nr = kernels.nr;
  const PackedSegments packed(kernels, segments);
  ArenaScope scope(context.shared);
  const int64_t x_panels = divide_up(shape.in, nr);
  float* x_packed = context.shared.allocate(x_panels * nr * packed.x_steps);
  const int64_t chunk = std::max<int64_t>(mr, kRowsPacked * 64 / std::max<int64_t>(packed.dy_steps, 64) / mr * mr);  // output rows per chunk
  float* dy_packed = context.shared.allocate(divide_up(std::min(chunk, shape.out), mr) * mr * packed.dy_steps);

  const auto pack_x = [&](int64_t panel) {
    const int64_t column = panel * nr;
    const int columns = static_cast<int>(std::min<int64_t>(nr, shape.in - column));
    for (size_t i = 0; i < packed.x_first.size(); ++i)
      kernels.pack_b(x_packed + (panel * packed.x_steps + packed.x_step[i]) * nr, packed.x_rows[i], columns,
                     operands.x + packed.x_first[i] * operands.ldx + column, operands.ldx, 1);
  };
  const auto pack_dy = [&](int64_t first, int64_t panel) {
    const int64_t row = first + panel * mr;
    const int rows = static_cast<int>(std::min<int64_t>(mr, shape.out - row));
    for (int64_t s = 0; s < segments.count(); ++s)
      kernels.pack_a(dy_packed + (panel * packed.dy_steps + packed.segments[s].a) * mr, segments.gradient[s + 1] - segments.gradient[s], rows,
                     operands.dy + segments.gradient[s] * operands.ldy + row, operands.ldy, 1);
  };
  const auto tile = [&](int64_t row, int64_t dy_panel, int64_t x_panel) {
    const int64_t column = x_panel * nr;
    const int rows = static_cast<int>(std::min<int64_t>(mr, shape.out - row)), columns = static_cast<int>(std::min<int64_t>(nr, shape.in - column));
    const float* dy = dy_packed + dy_panel * mr * packed.dy_steps;
    const float* x = x_packed + x_panel * nr * packed.x_steps;
    float* to = target + row * shape.in + column;
    const TileRows sparse(extra, row, rows);
    for (int64_t s = 0; s < segments.count();) {
      const int64_t next = sparse.next(s, segments.count());
      if (next > s) kernels.outer_tile(rows, columns, dy, x, packed.segments.data() + s, next - s, nullptr, squared, to, shape.in);
      if (next == segments.count()) break;
      const float* added[kMaxTileRows] = {};
      for (const auto* entry = sparse.begin; entry != sparse.end; ++entry)
        if (entry->segment == next) added[entry->row - row] = entry->values + column;
      kernels.outer_tile(rows, columns, dy, x, packed.segments.data() + next, 1, added, squared, to, shape.in);
      s = next + 1;
    }
  };

  for (int64_t first = 0; first < shape.out; first += chunk) {
    const int64_t out = std::min(chunk, shape.out - first), dy_panels = divide_up(out, mr), new_x = first == 0 ? x_panels : 0;
    context.pool.run(new_x + dy_panels, [&](int64_t item, int) { item < new_x ? pack_x(item) : pack_dy(first, item - new_x); });
    context.pool.run(divide_up(dy_panels, kPanelsPerTask) * x_panels, [&](int64_t item, int) {
      context.check_stop();  // the head's product is the longest stretch of a backward pass
      const int64_t begin = item / x_panels * kPanelsPerTask;
      for (int64_t panel = begin; panel < std::min(dy_panels, begin + kPanelsPerTask); ++panel) tile(first + panel * mr, panel, item % x_panels);
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
