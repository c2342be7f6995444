#include "testing/generation_kernels.h"

#include "ops/best_tokens.h"
#include "ops/step_attention.h"
#include "testing/machine.h"
#include "testing/operands.h"

namespace dfmerge {

namespace {

using Info = Napi::CallbackInfo;

// stepAttention(options, { heads, dKv, buckets, maxDistance, bias, sequences, rowsOfSteps, rows, slots })
//   -> output [sequences, heads dKv]
// rowsOfSteps [steps] are the numbers of rows of every step, rows [their sum, 3 heads dKv] those rows, of queries, keys
// and values side by side, and slots [sequences, steps] the row of every step that belongs to a sequence; bias is
// [buckets, heads].
Napi::Value js_step_attention(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const auto heads = static_cast<int>(positive(o, "heads")), d_kv = static_cast<int>(positive(o, "dKv"));
    const int64_t sequences = positive(o, "sequences"), inner = int64_t{heads} * d_kv;
    const std::vector<int32_t> counts = ints_of(o.Get("rowsOfSteps"), "rowsOfSteps"),
                               slots = ints_of(o.Get("slots"), "slots");
    const auto steps = static_cast<int64_t>(counts.size());
    int64_t all = 0;
    for (int32_t count : counts) {
      if (count < 1) fail("INVALID_ARGUMENT", "rowsOfSteps: expected at least 1 in every step");
      all += count;
    }
    if (steps < 1 || static_cast<int64_t>(slots.size()) != sequences * steps)
      fail("INVALID_ARGUMENT", "slots: expected one for every sequence and step");
    for (size_t i = 0; i < slots.size(); ++i)
      if (slots[i] < 0 || slots[i] >= counts[i % counts.size()])
        fail("INVALID_ARGUMENT", "slots: %d is no row of its step", slots[i]);
    const std::vector<float> rows = sized(o, "rows", all * 3 * inner);
    std::vector<const float*> first;
    for (int64_t step = 0, row = 0; step < steps; row += counts[step++]) first.push_back(rows.data() + row * 3 * inner);
    const BucketRule rule =
        checked({static_cast<int>(positive(o, "buckets")), static_cast<int>(positive(o, "maxDistance")), false});
    const std::vector<float> weight = sized(o, "bias", int64_t{rule.buckets} * heads);
    // A generation lays the bias out once, for the longest sequence that may come.
    const int64_t reach = steps + 2;
    std::vector<float> table(static_cast<size_t>(heads * (2 * reach - 1))),
        output(static_cast<size_t>(sequences * inner));
    position_bias(stream, {rule, heads, weight.data(), reach, table.data()});
    step_attention(stream, {heads,
                            d_kv,
                            {reach, table.data()},
                            sequences,
                            steps,
                            3 * inner,
                            stream.upload(first),
                            stream.upload(slots),
                            output.data()});
    return to_js(info.Env(), output);
  });
}

// bestTokens(options, { rows, vocabulary, count, logits }) -> { tokens, logProbabilities }, each [rows, count]
Napi::Value js_best_tokens(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Machine machine(device_options_of(info[0]));
    const Napi::Object o = object_of(info[1], "operands");
    const int64_t rows = positive(o, "rows"), vocabulary = positive(o, "vocabulary"), count = positive(o, "count");
    if (count > vocabulary) fail("INVALID_ARGUMENT", "count: expected at most the vocabulary");
    const std::vector<float> logits = sized(o, "logits", rows * vocabulary);
    std::vector<BestToken> best(static_cast<size_t>(rows * count));
    best_tokens(machine.stream, {rows, vocabulary, count, logits.data(), best.data()});
    std::vector<int32_t> tokens;
    std::vector<float> log_probabilities;
    for (const BestToken& one : best) {
      tokens.push_back(one.token);
      log_probabilities.push_back(one.log_probability);
    }
    auto result = Napi::Object::New(info.Env());
    result.Set("tokens", to_js(info.Env(), tokens));
    result.Set("logProbabilities", to_js(info.Env(), log_probabilities));
    return result;
  });
}

}  // namespace

void export_generation_kernels(Napi::Object& exports) {
  exports.Set("stepAttention", Napi::Function::New(exports.Env(), js_step_attention));
  exports.Set("bestTokens", Napi::Function::New(exports.Env(), js_best_tokens));
}

}  // namespace dfmerge
