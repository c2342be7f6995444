#include <algorithm>
#include <vector>

#include "core/arithmetic.h"
#include "ops/squared_outer.h"

namespace dfmerge::cpu {

namespace {

// The panels of A of one task share a panel of B, which stays in the second-level cache.
constexpr int64_t kPanelsPerTask = 16;
// How many output rows are packed at a time, which bounds the scratch memory for the head of a large vocabulary. There
// are fewer where the segments have more than 64 steps.
constexpr int64_t kRowsPacked = 1 << 16;
// How many rows of an operand are packed into all panels in turn, while they stay in a near cache. It is a multiple of
// the depth of every table's step.
constexpr int64_t kRowBlock = 128;

// Where segments lie in packed panels. Every segment begins with a step of its own. Segments that follow one another
// and have the same first forward row, which are choices of one input, share their rows of x. Where such a segment is
// shorter than the shared rows, the rest of its last step meets zeros of dy.
struct PackedSegments {
  std::vector<OuterSegment> segments;  // in a segment, `a` counts steps of dy and `b` steps of x
  struct Rows {
    int64_t first, count, step;  // rows of the operand, and the step that they go to
  };
  std::vector<Rows> x_blocks, dy_blocks;  // at most kRowBlock rows each
  int64_t dy_steps = 0, x_steps = 0;

  PackedSegments(const MatmulKernels& kernels, const Segments& all) {
    for (int64_t s = 0; s < all.count;) {
      int64_t end = s, longest = 0;  // the segments from s to end share rows of x
      for (; end < all.count && all.forward[end] == all.forward[s]; ++end) {
        const int64_t rows = all.gradient[end + 1] - all.gradient[end], steps = kernels.steps(rows);
        longest = std::max(longest, rows);
        segments.push_back({dy_steps, x_steps, steps, all.weight[end]});
        split(dy_blocks, kernels, {all.gradient[end], rows, dy_steps});
        dy_steps += steps;
      }
      split(x_blocks, kernels, {all.forward[s], longest, x_steps});
      x_steps += kernels.steps(longest);
      s = end;
    }
  }

 private:
  static void split(std::vector<Rows>& blocks, const MatmulKernels& kernels, const Rows& all) {
    for (int64_t row = 0; row < all.count; row += kRowBlock)
      blocks.push_back({all.first + row, std::min(kRowBlock, all.count - row), all.step + row / kernels.unit});
  }
};

// A table that rounds its steps up gives way to its `short_segments` where less than a quarter of the steps would be
// real, as with labels of a few tokens.
const MatmulKernels& kernels_for(const MatmulKernels& kernels, const Segments& segments) {
  if (!kernels.short_segments) return kernels;
  int64_t words = 0, steps = 0;
  for (int64_t s = 0; s < segments.count; ++s) {
    const int64_t rows = segments.gradient[s + 1] - segments.gradient[s];
    words += kernels.words(rows);
    steps += kernels.steps(rows);
  }
  return 4 * words < steps ? *kernels.short_segments : kernels;
}

// The sparse rows that fall into a tile's rows [row, row + count), sorted by (row, segment).
struct TileRows {
  const SparseRow *begin = nullptr, *end = nullptr;

  TileRows(const SparseRows* extra, int64_t row, int64_t count) {
    if (!extra) return;
    const auto by_row = [](const SparseRow& entry, int64_t value) { return entry.row < value; };
    begin = std::lower_bound(extra->begin, extra->end(), row, by_row);
    end = std::lower_bound(begin, extra->end(), row + count, by_row);
  }

  // Returns the first segment from s on that has a sparse row here, or `none` if there is none.
  int64_t next(int64_t s, int64_t none) const {
    for (const auto* entry = begin; entry != end; ++entry)
      if (entry->segment >= s) none = std::min(none, entry->segment);
    return none;
  }
};

}  // namespace

void squared_outer(Context& context, const SquaredOuter& o) {
  const Segments& segments = o.segments;
  const MatmulKernels& kernels = kernels_for(context.matmul_kernels(), segments);
  const int mr = kernels.mr, nr = kernels.nr;
  const PackedSegments packed(kernels, segments);
  ArenaScope scope(context.shared);
  const int64_t x_panels = divide_up(o.in, nr);
  float* x_packed = context.shared.allocate(x_panels * nr * packed.x_steps);
  const int64_t chunk = std::max<int64_t>(
      mr, kRowsPacked * 64 / std::max<int64_t>(packed.dy_steps, 64) / mr * mr);  // output rows per chunk
  float* dy_packed = context.shared.allocate(divide_up(std::min(chunk, o.out), mr) * mr * packed.dy_steps);

  const auto pack_x = [&](const PackedSegments::Rows& rows) {
    for (int64_t column = 0; column < o.in; column += nr)
      kernels.pack_b(x_packed + column * packed.x_steps + rows.step * nr, rows.count,
                     static_cast<int>(std::min<int64_t>(nr, o.in - column)), o.x + rows.first * o.ldx + column, o.ldx,
                     1);
  };
  const auto pack_dy = [&](int64_t first, int64_t out, const PackedSegments::Rows& rows) {
    for (int64_t row = 0; row < out; row += mr)
      kernels.pack_a(dy_packed + row * packed.dy_steps + rows.step * mr, rows.count,
                     static_cast<int>(std::min<int64_t>(mr, out - row)), o.dy + rows.first * o.ldy + first + row, o.ldy,
                     1);
  };
  const auto tile = [&](int64_t row, int64_t dy_panel, int64_t x_panel) {
    const int64_t column = x_panel * nr;
    const int rows = static_cast<int>(std::min<int64_t>(mr, o.out - row)),
              columns = static_cast<int>(std::min<int64_t>(nr, o.in - column));
    const float* dy = dy_packed + dy_panel * mr * packed.dy_steps;
    const float* x = x_packed + x_panel * nr * packed.x_steps;
    float* to = o.target + row * o.in + column;
    const TileRows sparse(o.extra, row, rows);
    for (int64_t s = 0; s < segments.count;) {
      const int64_t next = sparse.next(s, segments.count);
      if (next > s)
        kernels.outer_tile(rows, columns, dy, x, packed.segments.data() + s, next - s, nullptr, o.squared, to, o.in);
      if (next == segments.count) break;
      const float* added[kMaxTileRows] = {};
      for (const auto* entry = sparse.begin; entry != sparse.end; ++entry)
        if (entry->segment == next) added[entry->row - row] = entry->values + column;
      kernels.outer_tile(rows, columns, dy, x, packed.segments.data() + next, 1, added, o.squared, to, o.in);
      s = next + 1;
    }
  };

  for (int64_t first = 0; first < o.out; first += chunk) {
    const int64_t out = std::min(chunk, o.out - first), dy_panels = divide_up(out, mr);
    const int64_t new_x = first == 0 ? static_cast<int64_t>(packed.x_blocks.size()) : 0;
    context.pool.run(new_x + static_cast<int64_t>(packed.dy_blocks.size()), [&](int64_t item, int) {
      item < new_x ? pack_x(packed.x_blocks[item]) : pack_dy(first, out, packed.dy_blocks[item - new_x]);
    });
    context.pool.run(divide_up(dy_panels, kPanelsPerTask) * x_panels, [&](int64_t item, int) {
      context.check_stop();  // the head's product is the longest stretch of a backward pass
      const int64_t begin = item / x_panels * kPanelsPerTask;
      for (int64_t panel = begin; panel < std::min(dy_panels, begin + kPanelsPerTask); ++panel)
        tile(first + panel * mr, panel, item % x_panels);
    });
  }
}

void squared_rows(Context& context, const SquaredRows& o) {
  // Entries of the same row follow one another. The task that holds the first of them takes them all, so that no two
  // tasks write to one row.
  constexpr int64_t kEntries = 64;
  const SparseRow* entries = o.rows.begin;
  const int64_t total = o.rows.count;
  context.pool.run(divide_up(total, kEntries), [&](int64_t item, int) {
    int64_t i = item * kEntries;
    const int64_t end = std::min(total, i + kEntries);
    while (i > 0 && i < end && entries[i].row == entries[i - 1].row) ++i;
    for (; i < total && (i < end || entries[i].row == entries[i - 1].row); ++i) {
      float* row = o.target + entries[i].row * o.width;
      const float weight = o.segments.weight[entries[i].segment];
      if (o.squared)
        context.kernels.add_weighted_square({row, entries[i].values, weight, o.width});
      else
        context.kernels.add_scaled({row, entries[i].values, weight, o.width});
    }
  });
}

}  // namespace dfmerge::cpu
