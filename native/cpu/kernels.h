// The table of CPU kernels, one instance per instruction set, all compiled from the same two sources.
//
// Matrix products work on packed panels. A panel of width W and depth K holds K groups of W floats; element (k, w) is at k * W + w.
// Columns past the matrix's edge are zero. Every element of a product is one chain of multiply-adds over k in rising order (a chain per
// block of kDepthBlock), so that tiles, threads and vector widths never change its bits within an instruction set.
#pragma once
#include <cstdint>

namespace dfmerge {

constexpr int kMaxTileRows = 16;

struct Kernels {
  const char* name;
  int mr;  // rows of an output tile = width of a packed A panel
  int nr;  // columns of an output tile = width of a packed B panel

  // Packs `count` <= width source columns into one panel: out[k * width + w] = source[k * k_stride + w * w_stride].
  void (*pack)(float* out, int width, int64_t depth, int count, const float* source, int64_t k_stride, int64_t w_stride);
  // c[m, n] (+)= sum_k a[k, m] b[k, n] for the first `rows` x `columns` of a tile.
  void (*multiply_tile)(int rows, int columns, int64_t depth, const float* a, const float* b, float* c, int64_t ldc, bool accumulate);
  // The Fisher's tile: with g[m, n] = extra[m][n] + sum_k a[k, m] b[k, n],
  //   squared: target[m, n] += weight * g^2,   else: target[m, n] += weight * g.
  // extra: `rows` pointers (null: nothing to add), or null for none at all.
  void (*outer_tile)(int rows, int columns, int64_t depth, const float* a, const float* b, const float* const* extra, float weight,
                     bool squared, float* target, int64_t ld);

  // Rows of activations. d, n: elements of a row.
  float (*rms_norm)(float* y, const float* x, const float* weight, float epsilon, int64_t d);  // returns r = 1/sqrt(mean(x^2)+eps)
  // dx += r (w dy) - x r^3 / d * sum(x w dy)
  void (*rms_norm_backward)(float* dx, const float* dy, const float* x, const float* weight, float r, int64_t d);
  void (*softmax)(float* x, int64_t n);                                  // in place
  float (*exp_sum)(const float* x, float maximum, int64_t n);            // sum_i exp(x_i - maximum)
  void (*softmax_backward)(float* dp, const float* p, int64_t n);        // dp <- p (dp - sum(dp p)): gradient of the scores
  float (*maximum)(const float* x, int64_t n);
  void (*add)(float* out, const float* x, int64_t n);                    // out += x
  void (*add_scaled)(float* out, const float* x, float scale, int64_t n);  // out += scale x
  void (*add_product)(float* out, const float* a, const float* b, float scale, int64_t n);  // out += (a b) scale
  void (*add_weighted_square)(float* out, const float* x, float weight, int64_t n);         // out += weight (x x)
  void (*scale)(float* x, float factor, int64_t n);
  void (*exp_scale)(float* out, const float* x, float shift, float factor, int64_t n);      // out = exp(x - shift) * factor
  void (*relu)(float* x, int64_t n);
  void (*relu_backward)(float* dx, const float* y, int64_t n);           // dx <- y > 0 ? dx : 0
  void (*gated_gelu)(float* y, const float* gate, const float* linear, int64_t n);          // y = gelu_new(gate) linear
  void (*gated_gelu_backward)(float* dgate, float* dlinear, const float* dy, const float* gate, const float* linear, int64_t n);

  // Vectors of parameters, in the float order of the specification (no contraction, no reordering).
  void (*interpolate)(float* out, const float* base, const float* model, float coefficient, int64_t n);
  void (*fold)(float* numerator, float* denominator, const float* fisher, const float* base, const float* model, float coefficient,
               int64_t n);  // fisher null: all ones
  void (*finish)(float* out, const float* numerator, const float* denominator, const float* base, float models, int64_t n);
  void (*divide_add)(float* x, float divisor, float addend, int64_t n);  // x <- x / divisor + addend
  // mean_rate, square_rate: 1 - beta1, 1 - beta2, which the caller rounds once from float64 (1 - 0.999f is off by 5e-5).
  void (*adamw)(float* p, float* m, float* v, const float* g, float decay, float mean_rate, float beta2, float square_rate, float step_size,
                float root_correction, float epsilon, int64_t n);
  bool (*all_finite)(const float* x, int64_t n);

  // Dtypes on disk.
  void (*from_bf16)(float* out, const uint16_t* in, int64_t n);
  void (*to_bf16)(uint16_t* out, const float* in, int64_t n);
  void (*from_f16)(float* out, const uint16_t* in, int64_t n);
  void (*to_f16)(uint16_t* out, const float* in, int64_t n);
};

// Depth of one chain of multiply-adds in a matrix product.
constexpr int64_t kDepthBlock = 256;

}  // namespace dfmerge
