#include "testing/kernels_object.h"

#include "args.h"
#include "errors.h"
#include "ops/activation.h"
#include "ops/attention.h"
#include "ops/cross_entropy.h"
#include "ops/matmul_cpu.h"
#include "ops/rms_norm.h"
#include "ops/squared_outer.h"
#include "testing/generation_kernels.h"
#include "testing/machine.h"
#include "testing/operands.h"

namespace dfmerge {

namespace {

using Info = Napi::CallbackInfo;

// Makes one segment of all rows.
SegmentTable whole(int64_t rows) {
  SegmentTable s;
  s.append(0, rows, 1.0f);
  s.forward_rows = rows;
  return s;
}

// matmul(options, { m, n, k, a, b, transposeA, transposeB, packed?, c? }) -> C [m, n]
// a is [m, k] or, transposed, [k, m]; b is [k, n] or, transposed, [n, k]. With `packed` B is packed beforehand. The
// product is added to c where there is one.
Napi::Value js_matmul(const Info& info) {
  return guarded(info.Env(), [&] {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const int64_t m = positive(o, "m"), n = positive(o, "n"), k = positive(o, "k");
    const std::vector<float> a = sized(o, "a", m * k), b = sized(o, "b", k * n);
    const bool accumulate = !o.Get("c").IsUndefined();
    std::vector<float> c = accumulate ? sized(o, "c", m * n) : std::vector<float>(static_cast<size_t>(m * n));
    const Matrix a_view =
        boolean_of(o.Get("transposeA"), "transposeA") ? transposed(a.data(), m) : row_major(a.data(), k);
    const Matrix b_view =
        boolean_of(o.Get("transposeB"), "transposeB") ? transposed(b.data(), k) : row_major(b.data(), n);
    Buffer packed;
    if (!o.Get("packed").IsUndefined() && boolean_of(o.Get("packed"), "packed")) {
      const cpu::Packing packing{n, k, b_view};
      packed = machine.buffer(cpu::packed_size(stream.cpu(), packing));
      cpu::pack_matrix(stream.cpu(), packing, packed.data());
    }
    matmul(stream, {{m, n, k}, a_view, b_view, {c.data(), n}, {packed.data()}, accumulate});
    return to_js(info.Env(), c);
  });
}

// squaredOuter(options, { out, in, x, dy, gradient, forward, weight, squared, extraRows, extraSegments, extra }) ->
// target [out, in]
Napi::Value js_squared_outer(const Info& info) {
  return guarded(info.Env(), [&] {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const int64_t out = positive(o, "out"), in = positive(o, "in");
    const std::vector<float> x = floats_of(o.Get("x"), "x"), dy = floats_of(o.Get("dy"), "dy");
    const std::vector<int32_t> gradient = ints_of(o.Get("gradient"), "gradient"),
                               forward = ints_of(o.Get("forward"), "forward");
    SegmentTable s;
    s.gradient.assign(gradient.begin(), gradient.end());
    s.forward.assign(forward.begin(), forward.end());
    s.weight = sized(o, "weight", s.count());
    s.forward_rows = static_cast<int64_t>(x.size()) / in;
    expect_size(x, s.forward_rows * in, "x");
    if (s.gradient.size() != s.forward.size() + 1 || s.gradient.empty() || s.gradient.front() != 0)
      fail("INVALID_ARGUMENT", "gradient: expected offsets from 0, one more than segments");
    for (int64_t i = 0; i < s.count(); ++i) {
      const int64_t rows = s.gradient[i + 1] - s.gradient[i];
      if (rows < 0 || s.forward[i] < 0 || s.forward[i] + rows > s.forward_rows)
        fail("INVALID_ARGUMENT", "segment %lld is out of range", static_cast<long long>(i));
    }
    expect_size(dy, s.rows() * out, "dy");
    const std::vector<int32_t> rows = ints_of(o.Get("extraRows"), "extraRows"),
                               segments = ints_of(o.Get("extraSegments"), "extraSegments");
    const std::vector<float> extra = sized(o, "extra", static_cast<int64_t>(rows.size()) * in);
    if (segments.size() != rows.size()) fail("INVALID_ARGUMENT", "extraSegments: expected one per row of extraRows");
    std::vector<SparseRow> entries;
    for (size_t i = 0; i < rows.size(); ++i)
      entries.push_back({rows[i], segments[i], extra.data() + static_cast<int64_t>(i) * in});
    const SparseRows sparse{stream.upload(entries), static_cast<int64_t>(entries.size())};
    std::vector<float> target(static_cast<size_t>(out * in));
    squared_outer(stream, {s.upload(stream), out, in, x.data(), in, dy.data(), out, rows.empty() ? nullptr : &sparse,
                           boolean_of(o.Get("squared"), "squared"), target.data()});
    return to_js(info.Env(), target);
  });
}

// rmsNorm(options, { rows, d, x, weight, epsilon, dy? }) -> { y, dx?, dweight? }
Napi::Value js_rms_norm(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const int64_t rows = positive(o, "rows"), d = positive(o, "d");
    const std::vector<float> x = sized(o, "x", rows * d), weight = sized(o, "weight", d);
    std::vector<float> y(x.size()), r(static_cast<size_t>(rows)), dx(x.size()), dweight(static_cast<size_t>(d));
    rms_norm(stream, {rows, d, x.data(), weight.data(), static_cast<float>(number_of(o.Get("epsilon"), "epsilon")),
                      y.data(), r.data()});
    auto result = Napi::Object::New(info.Env());
    result.Set("y", to_js(info.Env(), y));
    if (o.Get("dy").IsUndefined()) return result;
    const std::vector<float> dy = sized(o, "dy", rows * d);
    const SegmentTable table = whole(rows);
    const Segments segments = table.upload(stream);
    rms_norm_backward(stream, {segments, d, x.data(), r.data(), weight.data(), dy.data(), dx.data()});
    rms_norm_weight(stream, {segments, d, x.data(), r.data(), dy.data(), false, dweight.data()});
    result.Set("dx", to_js(info.Env(), dx));
    result.Set("dweight", to_js(info.Env(), dweight));
    return result;
  });
}

// activation(options, { rows, width, gate, linear?, dy? }) -> { y, dgate?, dlinear? }
// Without linear y is relu of gate.
Napi::Value js_activation(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const int64_t rows = positive(o, "rows"), width = positive(o, "width");
    const std::vector<float> gate = sized(o, "gate", rows * width);
    const bool gated = !o.Get("linear").IsUndefined(), with_gradient = !o.Get("dy").IsUndefined();
    const std::vector<float> linear = gated ? sized(o, "linear", rows * width) : std::vector<float>{};
    std::vector<float> y = gate, dgate(gate.size()), dlinear(gate.size());
    auto result = Napi::Object::New(info.Env());
    gated ? gated_gelu(stream, {rows, width, width, gate.data(), linear.data(), y.data()})
          : relu(stream, {rows, width, y.data()});
    result.Set("y", to_js(info.Env(), y));
    if (!with_gradient) return result;
    const std::vector<float> dy = sized(o, "dy", rows * width);
    const SegmentTable table = whole(rows);
    const Segments segments = table.upload(stream);
    if (gated) {
      gated_gelu_backward(
          stream, {segments, width, width, gate.data(), linear.data(), dy.data(), dgate.data(), dlinear.data()});
      result.Set("dlinear", to_js(info.Env(), dlinear));
    } else {
      dgate = dy;
      relu_backward(stream, {segments, width, y.data(), dgate.data()});
    }
    result.Set("dgate", to_js(info.Env(), dgate));
    return result;
  });
}

// attention(options, { heads, dKv, causal, queryOffsets, keyOffsets, q, k, v, buckets?, maxDistance?, bias?, dy? })
//   -> { y, dq?, dk?, dv?, dbias? }
// Span i has the queries [queryOffsets[i], queryOffsets[i + 1]) and its keys likewise; bias is [buckets, heads].
Napi::Value js_attention(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const auto heads = static_cast<int>(positive(o, "heads")), d_kv = static_cast<int>(positive(o, "dKv"));
    const std::vector<int32_t> queries = ints_of(o.Get("queryOffsets"), "queryOffsets"),
                               keys = ints_of(o.Get("keyOffsets"), "keyOffsets");
    if (queries.size() != keys.size() || queries.empty() || queries.front() != 0 || keys.front() != 0)
      fail("INVALID_ARGUMENT", "queryOffsets and keyOffsets: expected offsets from 0, as many of one as of the other");
    SpanTable table_of_spans;
    int64_t reach = 1;
    for (size_t i = 1; i < queries.size(); ++i) {
      const int64_t query = queries[i - 1], rows = queries[i] - query, key = keys[i - 1], key_rows = keys[i] - key;
      if (rows < 1 || key_rows < 1) fail("INVALID_ARGUMENT", "span %zu is empty", i - 1);
      table_of_spans.spans.push_back({query, rows, key, key_rows, query, key, static_cast<int64_t>(i) - 1});
      table_of_spans.end_group();
      reach = std::max({reach, rows, key_rows});
    }
    const int64_t inner = int64_t{heads} * d_kv;
    const std::vector<float> q = sized(o, "q", queries.back() * inner), k = sized(o, "k", keys.back() * inner),
                             v = sized(o, "v", keys.back() * inner);
    const bool causal = boolean_of(o.Get("causal"), "causal"), biased = !o.Get("bias").IsUndefined();
    BucketRule rule{};
    std::vector<float> table(static_cast<size_t>(heads * (2 * reach - 1)));
    if (biased) {
      rule = checked({static_cast<int>(positive(o, "buckets")), static_cast<int>(positive(o, "maxDistance")), !causal});
      const std::vector<float> bias_weight = sized(o, "bias", int64_t{rule.buckets} * heads);
      position_bias(stream, {rule, heads, bias_weight.data(), reach, table.data()});
    }
    const PositionBias bias{reach, table.data()};
    const AttentionShape shape{heads, d_kv, causal, biased ? &bias : nullptr, inner, inner};
    std::vector<float> y(q.size()), dq(q.size()), dk(k.size()), dv(v.size());
    const AttentionSpans spans = table_of_spans.upload(stream);
    attention(stream, {shape, spans, q.data(), k.data(), v.data(), y.data()});
    auto result = Napi::Object::New(info.Env());
    result.Set("y", to_js(info.Env(), y));
    if (o.Get("dy").IsUndefined()) return result;
    const std::vector<float> dy = sized(o, "dy", static_cast<int64_t>(q.size()));
    std::vector<float> by_distance(table_of_spans.spans.size() * table.size()),
        dbias(static_cast<size_t>(std::max(1, rule.buckets) * heads));
    attention_backward(stream, {shape, spans, q.data(), k.data(), v.data(), dy.data(), dq.data(), dk.data(), dv.data(),
                                biased ? by_distance.data() : nullptr});
    SegmentTable one_per_span;
    for (const AttentionSpan& span : table_of_spans.spans) one_per_span.append(span.query, span.query_rows, 1.0f);
    if (biased)
      position_bias_weight(stream,
                           {one_per_span.upload(stream), rule, heads, reach, by_distance.data(), false, dbias.data()});
    result.Set("dq", to_js(info.Env(), dq));
    result.Set("dk", to_js(info.Env(), dk));
    result.Set("dv", to_js(info.Env(), dv));
    result.Set("dbias", to_js(info.Env(), dbias));
    return result;
  });
}

// crossEntropy(options, { rows, vocabulary, d, h, weight, labels }) -> { nll, tiledNll, dlogits }
// tiledNll is computed without a whole row of logits in memory.
Napi::Value js_cross_entropy(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const int64_t rows = positive(o, "rows"), vocabulary = positive(o, "vocabulary"), d = positive(o, "d");
    const std::vector<float> h = sized(o, "h", rows * d), weight = sized(o, "weight", vocabulary * d);
    const std::vector<int32_t> labels = ints_of(o.Get("labels"), "labels");
    if (static_cast<int64_t>(labels.size()) != rows) fail("INVALID_ARGUMENT", "labels: expected one per row");
    for (int32_t label : labels)
      if (label < 0 || label >= vocabulary) fail("INVALID_ARGUMENT", "labels: %d is out of range", label);
    std::vector<float> logits(static_cast<size_t>(rows * vocabulary)), ones(static_cast<size_t>(rows), 1.0f);
    std::vector<double> nll(static_cast<size_t>(rows)), tiled(nll.size());
    const Head head{weight.data(), nullptr, vocabulary, d};
    head_nll(stream, {head, rows, h.data(), labels.data(), tiled.data(), nullptr});
    head_nll(stream, {head, rows, h.data(), labels.data(), nll.data(), logits.data()});
    const SegmentTable table = whole(rows);
    cross_entropy_backward(stream, {rows, vocabulary, logits.data(), labels.data(), stream.upload(table.row_of),
                                    ones.data(), logits.data()});
    auto result = Napi::Object::New(info.Env());
    result.Set("nll", to_js(info.Env(), nll));
    result.Set("tiledNll", to_js(info.Env(), tiled));
    result.Set("dlogits", to_js(info.Env(), logits));
    return result;
  });
}

bool streamed(const Napi::Object& o) { return !o.Get("stream").IsUndefined() && boolean_of(o.Get("stream"), "stream"); }

// With `stream`, here and below, results are written past the caches, which changes no bit.
//
// merge(options, { base, models: [Float32Array], fishers: [Float32Array] or [], coefficients: Float64Array, stream? })
// -> theta (paper eq. 7)
Napi::Value js_merge(const Info& info) {
  return guarded(info.Env(), [&] {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Kernels& kernels = stream.cpu().kernels;
    const Napi::Object o = object_of(info[1], "operands");
    const std::vector<float> base = floats_of(o.Get("base"), "base");
    const auto size = static_cast<int64_t>(base.size());
    const Napi::Object models = object_of(o.Get("models"), "models"), fishers = object_of(o.Get("fishers"), "fishers");
    const std::vector<double> coefficients = doubles_of(o.Get("coefficients"), "coefficients");
    std::vector<float> numerator(base.size()), denominator(base.size());
    const Buffer theta = machine.buffer(size);  // begins on a page's boundary, as the engine's vectors do
    const bool with_fisher = fishers.Has(uint32_t{0});
    for (uint32_t i = 0; i < coefficients.size(); ++i) {
      const std::vector<float> model = floats_of(models.Get(i), "models"),
                               fisher = with_fisher ? floats_of(fishers.Get(i), "fishers") : model;
      expect_size(model, size, "models");
      expect_size(fisher, size, "fishers");
      kernels.fold({numerator.data(), denominator.data(), with_fisher ? fisher.data() : nullptr, base.data(),
                    model.data(), static_cast<float>(coefficients[i]), size});
    }
    kernels.finish({{theta.data(), size, streamed(o)},
                    numerator.data(),
                    denominator.data(),
                    base.data(),
                    static_cast<float>(coefficients.size())});
    return to_js(info.Env(), std::vector<float>{theta.data(), theta.data() + size});
  });
}

// interpolate(options, { base, model, coefficient, stream? }) -> base + coefficient (model - base)
Napi::Value js_interpolate(const Info& info) {
  return guarded(info.Env(), [&] {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const Napi::Object o = object_of(info[1], "operands");
    const std::vector<float> base = floats_of(o.Get("base"), "base"),
                             model = sized(o, "model", static_cast<int64_t>(base.size()));
    const Buffer theta = machine.buffer(static_cast<int64_t>(base.size()));
    stream.cpu().kernels.interpolate({{theta.data(), theta.size(), streamed(o)},
                                      base.data(),
                                      model.data(),
                                      static_cast<float>(number_of(o.Get("coefficient"), "coefficient"))});
    return to_js(info.Env(), std::vector<float>{theta.data(), theta.data() + theta.size()});
  });
}

// convert(options, "F16" | "BF16", Float32Array) -> the values after a round trip through that dtype
Napi::Value js_convert(const Info& info) {
  return guarded(info.Env(), [&] {
    Machine machine(device_options_of(info[0]));
    Stream& stream = machine.stream;
    const bool half = parse_dtype(string_of(info[1], "dtype")) == DType::F16;
    std::vector<float> values = floats_of(info[2], "values");
    std::vector<uint16_t> bits(values.size());
    const auto size = static_cast<int64_t>(values.size());
    (half ? stream.cpu().kernels.to_f16 : stream.cpu().kernels.to_bf16)(bits.data(), values.data(), size);
    (half ? stream.cpu().kernels.from_f16 : stream.cpu().kernels.from_bf16)(values.data(), bits.data(), size);
    return to_js(info.Env(), values);
  });
}

// positionBucket(buckets, maxDistance, bidirectional, distance) -> bucket
Napi::Value js_position_bucket(const Info& info) {
  return guarded(info.Env(), [&]() -> Napi::Value {
    const BucketRule rule =
        checked({int_of(info[0], "buckets"), int_of(info[1], "maxDistance"), boolean_of(info[2], "bidirectional")});
    return Napi::Number::New(info.Env(), position_bucket(rule, integer_of(info[3], "distance")));
  });
}

}  // namespace

Napi::Object kernels_object(Napi::Env env) {
  auto exports = Napi::Object::New(env);
  exports.Set("matmul", Napi::Function::New(env, js_matmul));
  exports.Set("squaredOuter", Napi::Function::New(env, js_squared_outer));
  exports.Set("rmsNorm", Napi::Function::New(env, js_rms_norm));
  exports.Set("activation", Napi::Function::New(env, js_activation));
  exports.Set("attention", Napi::Function::New(env, js_attention));
  exports.Set("crossEntropy", Napi::Function::New(env, js_cross_entropy));
  exports.Set("merge", Napi::Function::New(env, js_merge));
  exports.Set("interpolate", Napi::Function::New(env, js_interpolate));
  exports.Set("convert", Napi::Function::New(env, js_convert));
  exports.Set("positionBucket", Napi::Function::New(env, js_position_bucket));
  export_generation_kernels(exports);
  return exports;
}

}  // namespace dfmerge
