#include "testing/bench_object.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "core/arithmetic.h"
#include "cpu/parallel.h"
#include "errors.h"
#include "ops/matmul_cpu.h"
#include "ops/squared_outer.h"
#include "testing/machine.h"

namespace dfmerge {

namespace {

using Info = Napi::CallbackInfo;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

int64_t positive(const Napi::Object& o, const char* name) {
  const int64_t value = integer_of(o.Get(name), name);
  if (value < 1 || value > (int64_t{1} << 40)) fail("INVALID_ARGUMENT", "%s: expected at least 1", name);
  return value;
}

int threads_of(const Napi::Value& value) {
  const int threads = int_of(value, "threads");
  if (threads < 1 || threads > 256) fail("INVALID_ARGUMENT", "threads: expected 1 to 256");
  return threads;
}

// How long to measure: there are `samples` figures, and each is the mean of as many calls as fill `seconds`.
struct Timing {
  int64_t samples;
  double seconds;
};

Timing timing_of(const Napi::Object& o) {
  return {positive(o, "samples"), number_of(o.Get("sampleSeconds"), "sampleSeconds")};
}

// Returns seconds per call of body(i), where i counts the calls. The first `warm` calls are not timed.
template <class Body>
std::vector<double> measure(const Timing& timing, int64_t warm, const Body& body) {
  int64_t call = 0;
  while (call < warm) body(call++);
  std::vector<double> result;
  for (int64_t sample = 0; sample < timing.samples; ++sample) {
    const auto start = Clock::now();
    int64_t calls = 0;
    double elapsed;
    do {
      body(call++);
      ++calls;
      elapsed = seconds_since(start);
    } while (elapsed < timing.seconds);
    result.push_back(elapsed / static_cast<double>(calls));
  }
  return result;
}

// Returns element `index` of a reproducible operand, uniform in [-1, 1), by the finalizer of MurmurHash3.
float operand(uint32_t stream, int64_t index) {
  auto h = static_cast<uint32_t>(index) * 0x9E3779B9u + stream * 0x85EBCA6Bu + static_cast<uint32_t>(index >> 32);
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  return static_cast<float>(static_cast<int32_t>(h ^ (h >> 16))) * 0x1p-31f;
}

Buffer filled(Machine& machine, int64_t size, uint32_t stream) {
  constexpr int64_t kPart = 1 << 16;
  Buffer result = machine.buffer(size);
  machine.stream.cpu().pool.run(divide_up(size, kPart), [&](int64_t part, int) {
    for (int64_t i = part * kPart; i < std::min(size, (part + 1) * kPart); ++i) result.data()[i] = operand(stream, i);
  });
  return result;
}

// Picks a few of `count` indices from both ends and between, so that whole tiles and ragged ends both have their share.
std::vector<int64_t> probes(int64_t count) {
  std::vector<int64_t> all = {0, count / 3, count / 2 + 1, count - 1};
  for (int64_t& index : all) index = std::min(index, count - 1);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// Returns |a - b| / |b| in the Euclidean norm, which is NaN where an element is.
double row_error(const float* a, const float* b, int64_t n) {
  double difference = 0, norm = 0;
  for (int64_t i = 0; i < n; ++i) {
    difference += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    norm += double{b[i]} * b[i];
  }
  return std::sqrt(difference / norm);
}

double worse(double a, double b) { return b <= a ? a : b; }  // a NaN in b counts as worse

// The machine that a benchmark's first argument names, in the operands' dtype. The same threads of the scalar kernels
// in float32 are the reference.
DeviceOptions options_of(const Napi::Value& value, const Napi::Object& operands) {
  DeviceOptions options = device_options_of(value);
  options.dtype = string_of(operands.Get("dtype"), "dtype");
  return options;
}
DeviceOptions reference_of(const DeviceOptions& options) {
  return {options.name, options.threads, "float32", "scalar", "builtin"};
}

Napi::Value timed(Napi::Env env, const std::vector<double>& seconds, double error) {
  auto result = Napi::Object::New(env);
  result.Set("seconds", to_js(env, seconds));
  result.Set("error", error);
  return result;
}

// matmul(options, { m, n, k, dtype, weights, samples, sampleSeconds }) -> { seconds, error }
// Times y [m, n] = x [m, k] W^T. Every call takes the next of `weights` matrices W [n, k], which are packed beforehand
// as the engine's are. `error` is that of a few rows of y against the scalar kernels in float32.
Napi::Value js_matmul(const Info& info) {
  return guarded(info.Env(), [&] {
    const Napi::Object o = object_of(info[1], "operands");
    const DeviceOptions options = options_of(info[0], o);
    Machine machine(options);
    Stream& stream = machine.stream;
    const int64_t m = positive(o, "m"), n = positive(o, "n"), k = positive(o, "k"), count = positive(o, "weights");
    const Buffer x = filled(machine, m * k, 1), y = machine.buffer(m * n);
    std::vector<Buffer> weights, packed;
    for (int64_t i = 0; i < count; ++i) {
      weights.push_back(filled(machine, n * k, static_cast<uint32_t>(2 + i)));
      const cpu::Packing packing{n, k, transposed(weights.back().data(), k)};
      packed.push_back(machine.buffer(cpu::packed_size(stream.cpu(), packing)));
      cpu::pack_matrix(stream.cpu(), packing, packed.back().data());
    }
    const auto multiply = [&](int64_t call) {
      const auto i = static_cast<size_t>(call % count);
      stream.reset();
      matmul(stream,
             {{m, n, k}, row_major(x.data(), k), transposed(weights[i].data(), k), {y.data(), n}, {packed[i].data()}});
    };

    multiply(0);
    Machine reference(reference_of(options));
    const std::vector<int64_t> rows = probes(m);
    const auto probed = static_cast<int64_t>(rows.size());
    const Buffer some = machine.buffer(probed * k), expected = machine.buffer(probed * n);
    for (size_t i = 0; i < rows.size(); ++i)
      std::copy_n(x.data() + rows[i] * k, k, some.data() + static_cast<int64_t>(i) * k);
    matmul(reference.stream,
           {{probed, n, k}, row_major(some.data(), k), transposed(weights[0].data(), k), {expected.data(), n}});
    double error = 0;
    for (size_t i = 0; i < rows.size(); ++i)
      error = worse(error, row_error(y.data() + rows[i] * n, expected.data() + static_cast<int64_t>(i) * n, n));

    return timed(info.Env(), measure(timing_of(o), count, multiply), error);
  });
}

// Reads segments as ops/segments.h has them, all of weight 1.
SegmentTable segments_of(const Napi::Object& o) {
  const std::vector<int32_t> gradient = ints_of(o.Get("gradient"), "gradient"),
                             forward = ints_of(o.Get("forward"), "forward");
  if (forward.empty() || gradient.size() != forward.size() + 1 || gradient.front() != 0)
    fail("INVALID_ARGUMENT", "gradient: expected offsets from 0, one more than segments");
  SegmentTable s;
  s.gradient.assign(gradient.begin(), gradient.end());
  s.forward.assign(forward.begin(), forward.end());
  s.weight.assign(forward.size(), 1.0f);
  for (int64_t i = 0; i < s.count(); ++i) {
    const int64_t rows = s.gradient[i + 1] - s.gradient[i];
    if (rows < 0 || s.forward[i] < 0)
      fail("INVALID_ARGUMENT", "segment %lld is out of range", static_cast<long long>(i));
    for (int64_t t = 0; t < rows; ++t) s.row_of.push_back(s.forward[i] + t);
    s.forward_rows = std::max(s.forward_rows, s.forward[i] + rows);
  }
  return s;
}

// squaredOuter(options, { out, in, gradient, forward, dtype, targets, samples, sampleSeconds }) -> { seconds, error }
// Times F [out, in] += sum_s (dY_s^T X_s)^2. Every call takes the next of `targets` matrices F. `error` is that of a
// few rows of F against the scalar kernels in float32.
Napi::Value js_squared_outer(const Info& info) {
  return guarded(info.Env(), [&] {
    const Napi::Object o = object_of(info[1], "operands");
    const DeviceOptions options = options_of(info[0], o);
    Machine machine(options);
    Stream& stream = machine.stream;
    const int64_t out = positive(o, "out"), in = positive(o, "in"), count = positive(o, "targets");
    const SegmentTable table = segments_of(o);
    const Segments segments = table.upload(stream);
    if (segments.rows < 1) fail("INVALID_ARGUMENT", "gradient: expected a row at least");
    const Buffer x = filled(machine, segments.forward_rows * in, 1), dy = filled(machine, segments.rows * out, 2);
    std::vector<Buffer> targets;
    for (int64_t i = 0; i < count; ++i) targets.push_back(machine.buffer(out * in));
    const auto accumulate = [&](int64_t call) {
      stream.reset();
      squared_outer(stream, {segments, out, in, x.data(), in, dy.data(), out, nullptr, true,
                             targets[static_cast<size_t>(call % count)].data()});
    };

    accumulate(0);
    Machine reference(reference_of(options));
    const std::vector<int64_t> rows = probes(out);
    const auto probed = static_cast<int64_t>(rows.size());
    const Buffer some = machine.buffer(segments.rows * probed), expected = machine.buffer(probed * in);
    for (int64_t t = 0; t < segments.rows; ++t)
      for (int64_t i = 0; i < probed; ++i)
        some.data()[t * probed + i] = dy.data()[t * out + rows[static_cast<size_t>(i)]];
    squared_outer(reference.stream,
                  {segments, probed, in, x.data(), in, some.data(), probed, nullptr, true, expected.data()});
    double error = 0;
    for (int64_t i = 0; i < probed; ++i)
      error =
          worse(error, row_error(targets[0].data() + rows[static_cast<size_t>(i)] * in, expected.data() + i * in, in));

    return timed(info.Env(), measure(timing_of(o), count, accumulate), error);
  });
}

// There are three ways to copy a thread's share of a buffer, and which is fastest depends on the machine.
void copy_plain(float* to, const float* from, int64_t n) {
  // Floats of a block, which stays below the size at which a C library's memcpy goes over to non-temporal stores.
  constexpr int64_t kBlock = 1024;
  for (int64_t i = 0; i < n; i += kBlock)
    std::memcpy(to + i, from + i, static_cast<size_t>(std::min(kBlock, n - i)) * 4);
}

void copy_library(float* to, const float* from, int64_t n) { std::memcpy(to, from, static_cast<size_t>(n) * 4); }

#if defined(__SSE2__)
// n is a multiple of 16.
void copy_streaming(float* to, const float* from, int64_t n) {
  for (int64_t i = 0; i < n; i += 16)
    for (int64_t j = i; j < i + 16; j += 4) _mm_stream_ps(to + j, _mm_load_ps(from + j));
  _mm_sfence();
}
#endif

using ThreadCopy = void (*)(float*, const float*, int64_t);

struct Copies {
  int threads;
  const Buffer &to, &from;
  int64_t samples;
};

// Returns the seconds from the moment when all threads are there until the last one is done. Every thread keeps to the
// pages that it touched first.
std::vector<double> time_copies(ThreadCopy copy, const Copies& copies) {
  const auto& [threads, to, from, samples] = copies;
  std::vector<double> seconds;
  const int64_t share = to.size() / threads / 16 * 16;
  for (int64_t sample = 0; sample <= samples; ++sample) {
    std::atomic<int> ready{0};
    std::atomic<bool> go{false};
    Threads workers;
    for (int t = 0; t < threads; ++t) {
      const bool started = workers.start([&, t, &to = to, &from = from] {
        ++ready;
        while (!go) std::this_thread::yield();
        copy(to.data() + t * share, from.data() + t * share, share);
      });
      if (started) continue;
      go = true;
      fail("IO", "only %d of %d threads could be started", workers.count(), threads);
    }
    while (ready < threads) std::this_thread::yield();
    const auto start = Clock::now();
    go = true;
    workers.join();
    if (sample > 0) seconds.push_back(seconds_since(start));
  }
  return seconds;
}

// copy(threads, { bytes, samples }) -> { bytes, plain, library, streaming? }
// Times copying from one buffer to another, in seconds. The returned `bytes` are those that are copied, `bytes` rounded
// down to a multiple of 64 per thread.
Napi::Value js_copy(const Info& info) {
  return guarded(info.Env(), [&] {
    const int threads = threads_of(info[0]);
    const Napi::Object o = object_of(info[1], "operands");
    const int64_t share = positive(o, "bytes") / 4 / threads / 16 * 16, samples = positive(o, "samples");
    if (share == 0) fail("INVALID_ARGUMENT", "bytes: expected 64 per thread at least");
    const Buffer from(host_memory(), share * threads), to(host_memory(), share * threads);
    Threads workers;
    for (int t = 0; t < threads; ++t) {
      const bool started = workers.start([&, t] {
        for (int64_t i = t * share; i < (t + 1) * share; ++i) from.data()[i] = operand(3, i);
      });
      if (!started) fail("IO", "only %d of %d threads could be started", workers.count(), threads);
    }
    workers.join();
    auto result = Napi::Object::New(info.Env());
    result.Set("bytes", static_cast<double>(from.bytes()));
    const auto run = [&](const char* name, ThreadCopy copy) {
      std::memset(to.data(), 0, static_cast<size_t>(to.bytes()));
      result.Set(name, to_js(info.Env(), time_copies(copy, {threads, to, from, samples})));
      if (std::memcmp(to.data(), from.data(), static_cast<size_t>(to.bytes())) != 0)
        fail("NUMERIC", "the %s copy differs from its source", name);
    };
    run("plain", copy_plain);
    run("library", copy_library);
#if defined(__SSE2__)
    run("streaming", copy_streaming);
#endif
    return result;
  });
}

}  // namespace

Napi::Object bench_object(Napi::Env env) {
  auto exports = Napi::Object::New(env);
  exports.Set("matmul", Napi::Function::New(env, js_matmul));
  exports.Set("squaredOuter", Napi::Function::New(env, js_squared_outer));
  exports.Set("copy", Napi::Function::New(env, js_copy));
  return exports;
}

}  // namespace dfmerge
