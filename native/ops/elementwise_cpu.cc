#include <algorithm>
#include <cstring>

#include "core/arithmetic.h"
#include "core/dtype_bits.h"
#include "ops/elementwise.h"

namespace dfmerge::cpu {

namespace {

constexpr int64_t kPart = int64_t{1} << 16;  // floats of one parallel item

// Calls body(first, count) for parts of [0, size), in parallel.
template <class Body>
void for_parts(Context& context, int64_t size, const Body& body) {
  context.pool.run(divide_up(size, kPart), [&](int64_t item, int) {
    context.check_stop();
    const int64_t first = item * kPart;
    body(first, std::min(kPart, size - first));
  });
}

}  // namespace

void fill(Context& context, const Fill& o) {
  // memset does not read the memory that it overwrites, while a loop of stores does.
  const bool zero = float_to_bits(o.value) == 0;
  for_parts(context, o.size, [&](int64_t first, int64_t count) {
    if (zero)
      std::memset(o.x + first, 0, static_cast<size_t>(count) * 4);
    else
      std::fill_n(o.x + first, count, o.value);
  });
}

void copy(Context& context, const Copy& o) {
  for_parts(context, o.size, [&](int64_t first, int64_t count) {
    std::memcpy(o.to + first, o.from + first, static_cast<size_t>(count) * 4);
  });
}

void scale(Context& context, const Scale& o) {
  for_parts(context, o.size,
            [&](int64_t first, int64_t count) { context.kernels.scale(o.x + first, o.factor, count); });
}

}  // namespace dfmerge::cpu
