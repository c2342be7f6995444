// Rows of activations and vectors of parameters, compiled once per instruction set, without contraction: plain loops
// that the compiler vectorises. Sums run in sixteen interleaved lanes that are added pairwise at the end, an order that
// no vector width changes. No library code may be inlined into this file: the linker could keep this copy for every
// machine.
#include "core/dtype_bits.h"
#include "cpu/kernels.h"
#include "cpu/vector.h"

namespace dfmerge {
namespace DFMERGE_ISA {
namespace {

constexpr int kSumLanes = 16;

inline float add_lanes(float* lane) {
  for (int width = kSumLanes / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

// Returns the sum of term(i) over i in [0, n).
template <class Term>
inline __attribute__((always_inline)) float sum(int64_t n, Term term) {
  float lane[kSumLanes] = {};
  int64_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes)
    for (int l = 0; l < kSumLanes; ++l) lane[l] += term(i + l);
  for (int l = 0; i < n; ++i, ++l) lane[l] += term(i);
  return add_lanes(lane);
}

// Returns exp(x) to about one unit in the last place: 2^k times a polynomial on [-ln 2 / 2, ln 2 / 2], with the
// coefficients of Cephes' expf.
inline __attribute__((always_inline)) float exponential(float x) {
  const float bounded = x < -87.0f ? -87.0f : (x > 88.0f ? 88.0f : x);
  const float shifted = bounded * 1.44269504088896341f + 12582912.0f;  // 1.5 * 2^23: rounds to the nearest integer
  const float k = shifted - 12582912.0f;
  const float r = (bounded - k * 0.693359375f) - k * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = (p * (r * r) + r) + 1.0f;
  const float power = bits_to_float((float_to_bits(shifted) << 23) + 0x3f800000u);
  return x < -87.0f ? 0.0f : p * power;
}

inline __attribute__((always_inline)) float tanh_of(float x) {
  const float e = exponential(2.0f * (x < 0 ? -x : x));
  const float t = 1.0f - 2.0f / (e + 1.0f);
  return x < 0 ? -t : t;
}

constexpr float kRootTwoOverPi = 0.7978845608028654f, kGeluCubic = 0.044715f;

inline __attribute__((always_inline)) float gelu_new(float x) {
  return 0.5f * x * (1.0f + tanh_of(kRootTwoOverPi * (x + kGeluCubic * x * x * x)));
}

inline __attribute__((always_inline)) float gelu_new_slope(float x) {
  const float t = tanh_of(kRootTwoOverPi * (x + kGeluCubic * x * x * x));
  return 0.5f * (1.0f + t) + 0.5f * x * (1.0f - t * t) * kRootTwoOverPi * (1.0f + 3.0f * kGeluCubic * x * x);
}

float rms_norm(NormRow o) {
  const float r =
      1.0f /
      __builtin_sqrtf(sum(o.n, [=](int64_t i) { return o.x[i] * o.x[i]; }) / static_cast<float>(o.n) + o.epsilon);
  for (int64_t i = 0; i < o.n; ++i) o.y[i] = o.weight[i] * (o.x[i] * r);
  return r;
}

void rms_norm_backward(NormRowBackward o) {
  const float projection = sum(o.n, [=](int64_t i) { return o.dy[i] * o.weight[i] * o.x[i]; });
  const float along = o.r * o.r * o.r * projection / static_cast<float>(o.n);
  for (int64_t i = 0; i < o.n; ++i) o.dx[i] += o.r * (o.weight[i] * o.dy[i]) - along * o.x[i];
}

float maximum(const float* x, int64_t n) {
  float lane[kSumLanes];
  for (int l = 0; l < kSumLanes; ++l) lane[l] = x[0];
  int64_t i = 0;
  for (; i + kSumLanes <= n; i += kSumLanes)
    for (int l = 0; l < kSumLanes; ++l) lane[l] = x[i + l] > lane[l] ? x[i + l] : lane[l];
  for (; i < n; ++i) lane[0] = x[i] > lane[0] ? x[i] : lane[0];
  for (int l = 1; l < kSumLanes; ++l) lane[0] = lane[l] > lane[0] ? lane[l] : lane[0];
  return lane[0];
}

float exp_sum(const float* x, float shift, int64_t n) {
  return sum(n, [=](int64_t i) { return exponential(x[i] - shift); });
}

void exp_scale(ScaledExponentials o) {
  for (int64_t i = 0; i < o.n; ++i) o.out[i] = exponential(o.x[i] - o.shift) * o.factor;
}

void softmax(float* x, int64_t n) {
  exp_scale({x, x, maximum(x, n), 1.0f, n});
  const float inverse = 1.0f / sum(n, [=](int64_t i) { return x[i]; });
  for (int64_t i = 0; i < n; ++i) x[i] *= inverse;
}

void softmax_backward(float* dp, const float* p, int64_t n) {
  const float mean = sum(n, [=](int64_t i) { return dp[i] * p[i]; });
  for (int64_t i = 0; i < n; ++i) dp[i] = p[i] * (dp[i] - mean);
}

float dot(const float* a, const float* b, int64_t n) {
  return sum(n, [=](int64_t i) { return a[i] * b[i]; });
}

void add(float* out, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] += x[i];
}

void add_scaled(ScaledRow o) {
  for (int64_t i = 0; i < o.n; ++i) o.out[i] += o.factor * o.x[i];
}

void add_product(ScaledProduct o) {
  for (int64_t i = 0; i < o.n; ++i) o.out[i] += (o.a[i] * o.b[i]) * o.factor;
}

void add_weighted_square(ScaledRow o) {
  for (int64_t i = 0; i < o.n; ++i) o.out[i] += o.factor * (o.x[i] * o.x[i]);
}

void scale(float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] *= factor;
}

void relu(float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = x[i] > 0 ? x[i] : 0.0f;
}

void relu_backward(float* dx, const float* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) dx[i] = y[i] > 0 ? dx[i] : 0.0f;
}

void gated_gelu(GatedRow o) {
  for (int64_t i = 0; i < o.n; ++i) o.y[i] = gelu_new(o.gate[i]) * o.linear[i];
}

void gated_gelu_backward(GatedRowBackward o) {
  for (int64_t i = 0; i < o.n; ++i) {
    const float g = o.dy[i];
    o.dlinear[i] = g * gelu_new(o.gate[i]);
    o.dgate[i] = g * o.linear[i] * gelu_new_slope(o.gate[i]);
  }
}

// Writes out[i] = value(i) and returns whether all values are finite; vector_value(i) gives a vector's worth of them,
// from i on. Streamed vectors go past the caches and save the memory the read that a plain store begins with. What does
// not start on a vector's boundary is stored plainly.
template <class VectorValue, class Value>
inline __attribute__((always_inline)) bool stream_values(ParameterTarget target, VectorValue vector_value,
                                                         Value value) {
  float* const out = target.out;
  const int64_t n = target.n;
  const bool stream = target.stream;
  constexpr uint32_t kInfinity = 0x7f800000u;
  // The bits of the largest magnitude, among which infinities and NaNs are above every finite number.
  Words worst = as_words(broadcast(0.0f));
  int64_t i = 0;
  const bool aligned = reinterpret_cast<uintptr_t>(out) % sizeof(Vector) == 0;
  for (; i + kLanes <= n; i += kLanes) {
    const Vector v = vector_value(i);
    const Words magnitude = as_words(v) & 0x7fffffffu;
    worst = magnitude > worst ? magnitude : worst;
    if (stream && aligned)
      store_streaming(out + i, v);
    else
      store(out + i, v);
  }
  if (stream) end_streaming();
  bool finite = true;
  for (; i < n; ++i) {
    out[i] = value(i);
    finite &= (float_to_bits(out[i]) & 0x7fffffffu) < kInfinity;
  }
  return finite && all_below(worst, kInfinity);
}

bool copy(ParameterTarget target, const float* in) {
  return stream_values(target, [=](int64_t i) { return load(in + i); }, [=](int64_t i) { return in[i]; });
}

bool interpolate(Interpolation o) {
  return stream_values(
      o.target, [=](int64_t i) { return load(o.base + i) + o.coefficient * (load(o.model + i) - load(o.base + i)); },
      [=](int64_t i) { return o.base[i] + o.coefficient * (o.model[i] - o.base[i]); });
}

void fold(FoldOperands o) {
  if (!o.fisher) {
    for (int64_t i = 0; i < o.n; ++i) {
      o.numerator[i] += o.coefficient * (o.model[i] - o.base[i]);
      o.denominator[i] += 1.0f;
    }
    return;
  }
  for (int64_t i = 0; i < o.n; ++i) {
    o.numerator[i] += (o.fisher[i] * o.coefficient) * (o.model[i] - o.base[i]);
    o.denominator[i] += o.fisher[i];
  }
}

bool finish(FinishOperands o) {
  return stream_values(
      o.target,
      [=](int64_t i) { return (o.models * load(o.numerator + i)) / load(o.denominator + i) + load(o.base + i); },
      [=](int64_t i) { return (o.models * o.numerator[i]) / o.denominator[i] + o.base[i]; });
}

void divide_add(DivideAdd o) {
  for (int64_t i = 0; i < o.n; ++i) o.x[i] = o.x[i] / o.divisor + o.addend;
}

void adamw(AdamWStep o) {
  float *const m = o.mean, *const v = o.square, *const p = o.parameter;
  const float* const g = o.gradient;
  for (int64_t i = 0; i < o.n; ++i) {
    m[i] = m[i] + o.mean_rate * (g[i] - m[i]);
    v[i] = o.beta2 * v[i] + o.square_rate * (g[i] * g[i]);
    p[i] = p[i] * o.decay - o.step_size * (m[i] / (__builtin_sqrtf(v[i]) / o.root_correction + o.epsilon));
  }
}

bool all_finite(const float* x, int64_t n) {
  // The bits of the largest magnitude, among which infinities and NaNs are above every finite number.
  uint32_t worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t magnitude = float_to_bits(x[i]) & 0x7fffffffu;
    worst = magnitude > worst ? magnitude : worst;
  }
  return worst < 0x7f800000u;
}

void from_bf16(float* out, const uint16_t* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = bf16_to_f32(in[i]);
}
void to_bf16(uint16_t* out, const float* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = f32_to_bf16(in[i]);
}
void from_f16(float* out, const uint16_t* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = f16_to_f32(in[i]);
}
void to_f16(uint16_t* out, const float* in, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = f32_to_f16(in[i]);
}

}  // namespace
}  // namespace DFMERGE_ISA

#define DFMERGE_JOIN(a, b) a##b
#define DFMERGE_PREFIXED(prefix, isa) DFMERGE_JOIN(prefix, isa)
#define DFMERGE_TABLE(isa) DFMERGE_PREFIXED(kKernels_, isa)
#define DFMERGE_TEXT(x) #x
#define DFMERGE_QUOTE(x) DFMERGE_TEXT(x)

extern const MatmulKernels DFMERGE_PREFIXED(kFloatMatmul_, DFMERGE_ISA), DFMERGE_PREFIXED(kRoundedMatmul_, DFMERGE_ISA);
extern const Kernels DFMERGE_TABLE(DFMERGE_ISA);
const Kernels DFMERGE_TABLE(DFMERGE_ISA) = {
    DFMERGE_QUOTE(DFMERGE_ISA),
    &DFMERGE_PREFIXED(kFloatMatmul_, DFMERGE_ISA),
    &DFMERGE_PREFIXED(kRoundedMatmul_, DFMERGE_ISA),
    DFMERGE_ISA::rms_norm,
    DFMERGE_ISA::rms_norm_backward,
    DFMERGE_ISA::softmax,
    DFMERGE_ISA::exp_sum,
    DFMERGE_ISA::softmax_backward,
    DFMERGE_ISA::maximum,
    DFMERGE_ISA::dot,
    DFMERGE_ISA::add,
    DFMERGE_ISA::add_scaled,
    DFMERGE_ISA::add_product,
    DFMERGE_ISA::add_weighted_square,
    DFMERGE_ISA::scale,
    DFMERGE_ISA::exp_scale,
    DFMERGE_ISA::relu,
    DFMERGE_ISA::relu_backward,
    DFMERGE_ISA::gated_gelu,
    DFMERGE_ISA::gated_gelu_backward,
    DFMERGE_ISA::copy,
    DFMERGE_ISA::interpolate,
    DFMERGE_ISA::fold,
    DFMERGE_ISA::finish,
    DFMERGE_ISA::divide_add,
    DFMERGE_ISA::adamw,
    DFMERGE_ISA::all_finite,
    DFMERGE_ISA::from_bf16,
    DFMERGE_ISA::to_bf16,
    DFMERGE_ISA::from_f16,
    DFMERGE_ISA::to_f16,
};

}  // namespace dfmerge
