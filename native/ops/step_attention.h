// Self-attention in a step of generation: every sequence has one new query, which attends to the keys of its own tokens
// so far, its new one among them. The scores are not scaled, and everything is computed in float32, as in attention.h.
//
// The rows of all sequences that were computed in a step stay where they are. A sequence knows by a table which row of
// every step is its own, so that sequences fork and end without a copy:
//
//            step 0      step 1      step 2 (now)
//   row 0    a           a b         a b c        slots of "a b c": 0 0 0
//   row 1                a d         a b e        slots of "a b e": 0 0 1, as it comes from "a b"
#pragma once
#include "ops/position_bias.h"

namespace dfmerge {

struct StepAttention {
  int heads, d_kv;
  PositionBias bias;  // by the distance from the query, which is the last step, to a key
  int64_t sequences, steps;
  int64_t stride;            // floats between rows of a step; queries, keys and values of a row lie side by side
  const float* const* rows;  // [steps] the first row of every step
  const int32_t* slots;      // [sequences, steps] the row of every step that belongs to a sequence
  float* output;             // [sequences, heads * d_kv]
};

namespace cpu {
void step_attention(Context& context, const StepAttention& o);
}

inline constexpr Op<cpu::step_attention> step_attention;

}  // namespace dfmerge
