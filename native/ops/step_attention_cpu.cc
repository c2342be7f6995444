#include <algorithm>

#include "ops/step_attention.h"

namespace dfmerge::cpu {

void step_attention(Context& context, const StepAttention& o) {
  const int64_t inner = int64_t{o.heads} * o.d_kv, steps = o.steps;
  context.pool.run(o.sequences * o.heads, [&](int64_t item, int thread) {
    const Kernels& kernels = context.kernels;
    Arena& scratch = context.scratch[thread];
    ArenaScope scope(scratch);
    const int64_t sequence = item / o.heads, head = item % o.heads, column = head * o.d_kv;
    const int32_t* slots = o.slots + sequence * steps;
    const auto row = [&](int64_t step) { return o.rows[step] + slots[step] * o.stride + column; };
    const float* query = row(steps - 1);
    const float* bias = o.bias.head(head) + o.bias.reach - steps;
    float* p = scratch.allocate(steps);
    for (int64_t step = 0; step < steps; ++step) p[step] = kernels.dot(query, row(step) + inner, o.d_kv) + bias[step];
    kernels.softmax(p, steps);
    float* output = o.output + sequence * inner + column;
    std::fill_n(output, o.d_kv, 0.0f);
    for (int64_t step = 0; step < steps; ++step) kernels.add_scaled({output, row(step) + 2 * inner, p[step], o.d_kv});
  });
}

}  // namespace dfmerge::cpu
