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

float rms_norm(float* y, const float* x, const float* weight, float epsilon, int64_t d) {
  const float r =
      1.0f / __builtin_sqrtf(sum(d, [=](int64_t i) { return x[i] * x[i]; }) / static_cast<float>(d) + epsilon);
  for (int64_t i = 0; i < d; ++i) y[i] = weight[i] * (x[i] * r);
  return r;
}

void rms_norm_backward(float* dx, const float* dy, const float* x, const float* weight, float r, int64_t d) {
  const float projection = sum(d, [=](int64_t i) { return dy[i] * weight[i] * x[i]; });
  const float along = r * r * r * projection / static_cast<float>(d);
  for (int64_t i = 0; i < d; ++i) dx[i] += r * (weight[i] * dy[i]) - along * x[i];
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

void exp_scale(float* out, const float* x, float shift, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = exponential(x[i] - shift) * factor;
}

void softmax(float* x, int64_t n) {
  exp_scale(x, x, maximum(x, n), 1.0f, n);
  const float inverse = 1.0f / sum(n, [=](int64_t i) { return x[i]; });
  for (int64_t i = 0; i < n; ++i) x[i] *= inverse;
}

void softmax_backward(float* dp, const float* p, int64_t n) {
  const float mean = sum(n, [=](int64_t i) { return dp[i] * p[i]; });
  for (int64_t i = 0; i < n; ++i) dp[i] = p[i] * (dp[i] - mean);
}

void add(float* out, const float* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] += x[i];
}

void add_scaled(float* out, const float* x, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] += factor * x[i];
}

void add_product(float* out, const float* a, const float* b, float factor, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] += (a[i] * b[i]) * factor;
}

void add_weighted_square(float* out, const float* x, float weight, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] += weight * (x[i] * x[i]);
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

void gated_gelu(float* y, const float* gate, const float* linear, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = gelu_new(gate[i]) * linear[i];
}

void gated_gelu_backward(float* dgate, float* dlinear, const float* dy, const float* gate, const float* linear,
                         int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    const float g = dy[i];
    dlinear[i] = g * gelu_new(gate[i]);
    dgate[i] = g * linear[i] * gelu_new_slope(gate[i]);
  }
}

// Writes out[i] = value(i) and returns whether all values are finite; vector_value(i) gives a vector's worth of them,
// from i on. Streamed vectors go past the caches and save the memory the read that a plain store begins with. What does
// not start on a vector's boundary is stored plainly.
template <class VectorValue, class Value>
inline __attribute__((always_inline)) bool stream_values(float* out, int64_t n, bool stream, VectorValue vector_value,
                                                         Value value) {
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

bool copy(float* out, const float* in, int64_t n, bool stream) {
  return stream_values(out, n, stream, [=](int64_t i) { return load(in + i); }, [=](int64_t i) { return in[i]; });
}

bool interpolate(float* out, const float* base, const float* model, float coefficient, int64_t n, bool stream) {
  return stream_values(
      out, n, stream, [=](int64_t i) { return load(base + i) + coefficient * (load(model + i) - load(base + i)); },
      [=](int64_t i) { return base[i] + coefficient * (model[i] - base[i]); });
}

void fold(float* numerator, float* denominator, const float* fisher, const float* base, const float* model,
          float coefficient, int64_t n) {
  if (!fisher) {
    for (int64_t i = 0; i < n; ++i) {
      numerator[i] += coefficient * (model[i] - base[i]);
      denominator[i] += 1.0f;
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    numerator[i] += (fisher[i] * coefficient) * (model[i] - base[i]);
    denominator[i] += fisher[i];
  }
}

bool finish(float* out, const float* numerator, const float* denominator, const float* base, float models, int64_t n,
            bool stream) {
  return stream_values(
      out, n, stream,
      [=](int64_t i) { return (models * load(numerator + i)) / load(denominator + i) + load(base + i); },
      [=](int64_t i) { return (models * numerator[i]) / denominator[i] + base[i]; });
}

void divide_add(float* x, float divisor, float addend, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = x[i] / divisor + addend;
}

void adamw(float* p, float* m, float* v, const float* g, float decay, float mean_rate, float beta2, float square_rate,
           float step_size, float root_correction, float epsilon, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    m[i] = m[i] + mean_rate * (g[i] - m[i]);
    v[i] = beta2 * v[i] + square_rate * (g[i] * g[i]);
    p[i] = p[i] * decay - step_size * (m[i] / (__builtin_sqrtf(v[i]) / root_correction + epsilon));
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
