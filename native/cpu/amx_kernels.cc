// Products of bfloat16 operands on AMX's tiles (DFMERGE_ISA amx), and the same on an emulation of them (amx_emulated).
// An output tile consists of 2 x 2 tiles of the machine, each kTile x kTile words:
//
//     panel of A, every kTile steps    kMr rows in turn, each with its kTile words side by side
//     panel of B, every kTile steps    kTile rows of kNr words, which are two tiles beside each other as they lie
//
// No library code may be inlined into this file: the linker could keep this copy for every machine.
#include "cpu/amx_tiles.h"
#include "cpu/matmul_kernels.h"
#include "cpu/packing.h"
#include "cpu/vector.h"

namespace dfmerge {
namespace DFMERGE_ISA {
namespace {

static_assert(kLanes == kTile, "a vector is a tile's row");
constexpr int kMr = 2 * kTile;
constexpr int kNr = 2 * kTile;
static_assert(kMr <= kMaxTileRows && kDepthSteps % kTile == 0, "as the drivers ask");

void pack_a(float* out, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride) {
  constexpr int kDepth = kTile * Bf16::kUnit;
  for (int64_t k0 = 0; k0 < depth; k0 += kDepth, source += kDepth * k_stride, out += kMr * kTile) {
    const int here = depth - k0 < kDepth ? static_cast<int>(depth - k0) : kDepth;
    if (w_stride == 1 && k_stride != 1) {
      // The columns lie side by side, so a tile of steps by columns is transposed to columns by steps.
      for (int w0 = 0; w0 < kMr; w0 += kTile) {
        const int given = count - w0 < kTile ? count - w0 : kTile;
        Vector block[kTile];
        for (int j = 0; j < kTile; ++j) {
          const float* row = source + 2 * j * k_stride + w0;
          block[j] = given <= 0 || 2 * j >= here ? broadcast(0.0f)
                                                 : Bf16::pairs(row, 2 * j + 1 < here ? row + k_stride : nullptr, given);
        }
        transpose(block);
        for (int w = 0; w < kTile; ++w) store(out + (w0 + w) * kTile, block[w]);
      }
      continue;
    }
    for (int w = 0; w < kMr; ++w) {
      float column[kDepth];
      const float* from = source + w * w_stride;
      if (k_stride != 1 && w < count) {
        for (int k = 0; k < here; ++k) column[k] = from[k * k_stride];
        from = column;
      }
      store(out + w * kTile, w < count ? Bf16::words(from, here) : broadcast(0.0f));
    }
  }
}

void pack_b(float* out, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride) {
  pack<Bf16, kNr>(out, depth, count, source, k_stride, w_stride);
  for (int64_t step = (depth + 1) / 2; step % kTile; ++step) {
    store(out + step * kNr, broadcast(0.0f));
    store(out + step * kNr + kTile, broadcast(0.0f));
  }
}

// Tiles 0 to 3 are the quarters of an output tile: above left, above right, below left, below right. Quarters on a side
// that is not asked for, by `below` or `right`, are not computed.
DFMERGE_INLINE void accumulate_quarters(Tiles& tiles, int64_t steps, const float* a, const float* b, bool below,
                                        bool right) {
  for (int64_t step = 0; step < steps; step += kTile, a += kMr * kTile, b += kNr * kTile) {
    tiles.load<4>(a, kTile);
    tiles.load<6>(b, kNr);
    tiles.multiply_add<0, 4, 6>();
    if (right) {
      tiles.load<7>(b + kTile, kNr);
      tiles.multiply_add<1, 4, 7>();
    }
    if (!below) continue;
    tiles.load<5>(a + kTile * kTile, kTile);
    tiles.multiply_add<2, 5, 6>();
    if (right) tiles.multiply_add<3, 5, 7>();
  }
}

// The part of a quarter that is inside the matrix.
template <int T>
struct Quarter {
  static constexpr int kRow = T / 2 * kTile, kColumn = T % 2 * kTile;
  const int rows, columns;
  Quarter(int tile_rows, int tile_columns)
      : rows(tile_rows - kRow < kTile ? tile_rows - kRow : kTile),
        columns(tile_columns - kColumn < kTile ? tile_columns - kColumn : kTile) {}
  bool empty() const { return rows <= 0 || columns <= 0; }
  bool whole() const { return rows == kTile && columns == kTile; }

  // Starts the tile at zero, or at c's values where the chain of sums goes on from the depth block before.
  void begin(Tiles& tiles, const float* c, int64_t ldc, bool accumulate) const {
    if (empty()) return;
    if (!accumulate) return tiles.zero<T>();
    c += kRow * ldc + kColumn;
    if (whole()) return tiles.load<T>(c, ldc);
    alignas(64) float part[kTile * kTile];
    for (int r = 0; r < kTile; ++r) store(part + r * kTile, r < rows ? load(c + r * ldc, columns) : broadcast(0.0f));
    tiles.load<T>(part, kTile);
  }
  void end(Tiles& tiles, float* c, int64_t ldc) const {
    if (empty()) return;
    c += kRow * ldc + kColumn;
    if (whole()) return tiles.store<T>(c, ldc);
    alignas(64) float part[kTile * kTile];
    tiles.store<T>(part, kTile);
    for (int r = 0; r < rows; ++r) store(c + r * ldc, load(part + r * kTile), columns);
  }
};

void micro_kernel(int rows, int columns, int64_t steps, LeftTile a, const float* b, float* c, int64_t ldc,
                  bool accumulate) {
  const Quarter<0> above_left(rows, columns);
  const Quarter<1> above_right(rows, columns);
  const Quarter<2> below_left(rows, columns);
  const Quarter<3> below_right(rows, columns);
  Tiles tiles;
  above_left.begin(tiles, c, ldc, accumulate);
  above_right.begin(tiles, c, ldc, accumulate);
  below_left.begin(tiles, c, ldc, accumulate);
  below_right.begin(tiles, c, ldc, accumulate);
  accumulate_quarters(tiles, steps, a.words, b, rows > kTile, columns > kTile);
  above_left.end(tiles, c, ldc);
  above_right.end(tiles, c, ldc);
  below_left.end(tiles, c, ldc);
  below_right.end(tiles, c, ldc);
}

// target[0..columns) += weight g^2 (or, unless squared, weight g)
DFMERGE_INLINE void fold(float* target, Vector g, int columns, float weight, bool squared) {
  const Vector term = weight * (squared ? g * g : g);
  if (columns >= kTile)
    store(target, load(target) + term);
  else
    store(target, load(target, columns) + term, columns);
}

void outer_tile(int rows, int columns, const float* a, const float* b, const OuterSegment* segments, int64_t count,
                const float* const* extra, bool squared, float* target, int64_t ld) {
  const bool below = rows > kTile, right = columns > kTile;
  alignas(64) float product[kMr * kNr];
  Tiles tiles;
  for (int64_t s = 0; s < count; ++s) {
    const OuterSegment& segment = segments[s];
    tiles.zero<0>();
    tiles.zero<1>();
    tiles.zero<2>();
    tiles.zero<3>();
    accumulate_quarters(tiles, segment.steps, a + segment.a * kMr, b + segment.b * kNr, below, right);
    tiles.store<0>(product, kNr);
    if (right) tiles.store<1>(product + kTile, kNr);
    if (below) tiles.store<2>(product + kTile * kNr, kNr);
    if (below && right) tiles.store<3>(product + kTile * kNr + kTile, kNr);
    for (int m = 0; m < rows; ++m) {
      const float* added = extra ? extra[m] : nullptr;
      for (int n = 0; n < columns; n += kTile) {
        Vector g = load(product + m * kNr + n);
        if (added) g += load(added + n, columns - n);
        fold(target + m * ld + n, g, columns - n, segment.weight, squared);
      }
    }
  }
}

}  // namespace
}  // namespace DFMERGE_ISA

#define DFMERGE_JOIN(a, b) a##b
#define DFMERGE_TABLE(prefix, isa) DFMERGE_JOIN(prefix, isa)

extern const MatmulKernels DFMERGE_TABLE(kBf16Matmul_, DFMERGE_ISA);
const MatmulKernels DFMERGE_TABLE(kBf16Matmul_, DFMERGE_ISA) = {
    DFMERGE_ISA::kMr,    DFMERGE_ISA::kNr,          DFMERGE_ISA::Bf16::kUnit, DFMERGE_ISA::pack_a,
    DFMERGE_ISA::pack_b, DFMERGE_ISA::micro_kernel, DFMERGE_ISA::outer_tile,  false,
    DFMERGE_ISA::kTile};

}  // namespace dfmerge
