// AMX's machine code on a processor without AMX: every instruction on tiles ends in a signal, whose handler decodes it
// and does what Intel documents. What the emulated kernels cannot show is checked so: the registers, strides and
// configurations of the real ones, and their packing, against the emulated kernels on 1 and 3 threads. The program
// needs AVX-512-BF16, and passes without doing anything where that is absent.
#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "cpu/amx.h"
#include "cpu/isa.h"
#include "ops/matmul.h"
#include "ops/squared_outer.h"

namespace dfmerge {
extern const MatmulKernels kBf16Matmul_amx;
extern const MatmulKernels kBf16Matmul_avx512bf16;
}  // namespace dfmerge

namespace {

using namespace dfmerge;

// Ends the program over something that a processor would refuse. Most callers are inside the signal's handler, which
// must not throw.
[[noreturn]] void refuse(const char* why) {
  std::fprintf(stderr, "amx_checks: %s\n", why);
  std::_Exit(1);
}

struct Configuration {
  uint8_t palette, start_row, reserved[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
};

// The tiles of one thread, with what the instructions do to them.
struct Machine {
  Configuration shape{};
  alignas(64) uint32_t words[8][16][16] = {};

  int rows(int t) const {
    if (shape.palette != 1) refuse("a tile is used without a configuration");
    if (shape.rows[t] == 0) refuse("a tile is used that the configuration leaves out");
    return shape.rows[t];
  }
  int columns(int t) const { return shape.row_bytes[t] / 4; }

  void configure(const void* from) {
    std::memcpy(&shape, from, sizeof shape);
    if (shape.palette != 1 || shape.start_row != 0) refuse("a wrong palette or row to start at");
    for (uint8_t byte : shape.reserved)
      if (byte) refuse("a reserved byte of the configuration is not zero");
    for (int t = 0; t < 16; ++t)
      if (shape.rows[t] > (t < 8 ? 16 : 0) || shape.row_bytes[t] > (t < 8 ? 64 : 0))
        refuse("a tile is configured too large");
    std::memset(words, 0, sizeof words);
  }
  void load(int t, const char* base, int64_t stride) {
    std::memset(words[t], 0, sizeof words[t]);
    for (int r = 0, end = rows(t); r < end; ++r) std::memcpy(words[t][r], base + r * stride, shape.row_bytes[t]);
  }
  void store(int t, char* base, int64_t stride) const {
    for (int r = 0, end = rows(t); r < end; ++r) std::memcpy(base + r * stride, words[t][r], shape.row_bytes[t]);
  }
  static float flushed(uint32_t word) {
    float value;
    if ((word & 0x7f800000u) == 0) word &= 0x80000000u;
    std::memcpy(&value, &word, sizeof value);
    return value;
  }
  static float flushed(float value) {
    uint32_t word;
    std::memcpy(&word, &value, sizeof word);
    return flushed(word);
  }
  void multiply_add(int c, int a, int b) {
    if (c == a || c == b || a == b) refuse("tiles of a product are not three");
    if (columns(a) != rows(b) || rows(a) != rows(c) || columns(b) != columns(c))
      refuse("tiles of a product do not fit");
    for (int m = 0; m < rows(c); ++m)
      for (int n = 0; n < columns(c); ++n) {
        float low = 0, high = 0;
        for (int k = 0; k < columns(a); ++k) {
          const uint32_t x = words[a][m][k], y = words[b][k][n];
          low = flushed(std::fma(flushed(x << 16), flushed(y << 16), low));
          high = flushed(std::fma(flushed(x & 0xffff0000u), flushed(y & 0xffff0000u), high));
        }
        const float sum = flushed(flushed(words[c][m][n]) + flushed(low + high));
        std::memcpy(&words[c][m][n], &sum, sizeof sum);
      }
  }
};

thread_local Machine machine;

// Decodes one instruction: a VEX prefix of three bytes, an opcode, a ModRM byte, and an address.
struct Decoder {
  const uint8_t* at;
  const greg_t* registers;

  static int place(int number) {
    constexpr int kPlaces[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return kPlaces[number];
  }
  template <class T>
  T take() {
    T value;
    std::memcpy(&value, at, sizeof value);
    at += sizeof value;
    return value;
  }

  // Executes the instruction and moves past it. Returns false where it is not one on tiles.
  bool run() {
    if (at[0] != 0xc4 || (at[1] & 0x1f) != 2) return false;
    const int b_bit = at[1] & 0x20 ? 0 : 8, x_bit = at[1] & 0x40 ? 0 : 8, prefix = at[2] & 3,
              third = ~(at[2] >> 3) & 15, opcode = at[3];
    at += 4;
    const uint8_t modrm = take<uint8_t>();
    const int mode = modrm >> 6, reg = modrm >> 3 & 7, rm = modrm & 7;
    if (opcode == 0x5c && prefix == 2 && mode == 3) return machine.multiply_add(reg, rm, third), true;
    if (opcode == 0x49 && prefix == 3 && mode == 3) {
      machine.rows(reg);
      std::memset(machine.words[reg], 0, sizeof machine.words[reg]);
      return true;
    }
    if (mode == 3 || (opcode != 0x49 && opcode != 0x4b)) return false;
    int64_t base = 0, stride = 0;
    bool relative = false;
    if (rm == 4) {
      const uint8_t sib = take<uint8_t>();
      const int index = (sib >> 3 & 7) | x_bit, from = (sib & 7) | b_bit;
      if ((sib & 7) == 5 && mode == 0) return false;
      base = registers[place(from)];
      if (index != 4) stride = registers[place(index)] << (sib >> 6);
    } else if (mode == 0 && rm == 5) {
      relative = true;
    } else {
      base = registers[place(rm | b_bit)];
    }
    if (mode == 1) base += take<int8_t>();
    if (mode == 2 || relative) base += take<int32_t>();
    if (relative) base += reinterpret_cast<int64_t>(at);
    if (opcode == 0x49) {
      char* memory = reinterpret_cast<char*>(base + stride);
      if (prefix == 0) return machine.configure(memory), true;
      if (prefix != 1) return false;
      std::memcpy(memory, &machine.shape, sizeof machine.shape);
      return true;
    }
    if (prefix == 3) return machine.load(reg, reinterpret_cast<const char*>(base), stride), true;
    if (prefix == 2) return machine.store(reg, reinterpret_cast<char*>(base), stride), true;
    return false;
  }
};

std::atomic<long> trapped{0};

void on_illegal_instruction(int, siginfo_t*, void* context) {
  greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  Decoder decoder{reinterpret_cast<const uint8_t*>(registers[REG_RIP]), registers};
  if (!decoder.run()) refuse("an instruction that is not one on tiles");
  registers[REG_RIP] = reinterpret_cast<greg_t>(decoder.at);
  ++trapped;
}

std::mt19937 generator(7);
std::vector<float> normal(int64_t count) {
  std::normal_distribution<float> draw;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = draw(generator);
  return values;
}

long different = 0, compared = 0;

// A bound of 0 wants the same values, because sums have one order. Any other bound is relative to the largest value,
// because squares are folded with fused multiply-adds on one side only.
void compare(const std::vector<float>& actual, const std::vector<float>& expected, float bound, const char* what,
             int64_t m, int64_t n, int64_t k) {
  float largest = 0;
  for (float value : expected) largest = std::fmax(largest, std::fabs(value));
  ++compared;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (std::fabs(actual[i] - expected[i]) <= bound * largest) continue;
    ++different;
    std::printf("%s %d x %d x %d: element %d is %g, expected %g\n", what, static_cast<int>(m), static_cast<int>(n),
                static_cast<int>(k), static_cast<int>(i), actual[i], expected[i]);
    return;
  }
}

void check_matmul(Context& amx, Context& emulated, int64_t m, int64_t n, int64_t k, int turn) {
  const std::vector<float> a = normal(m * k), b = normal(k * n), before = normal(m * n);
  const Matrix left = turn & 1 ? Matrix{a.data(), 1, m} : Matrix{a.data(), k, 1},
               right = turn & 2 ? Matrix{b.data(), 1, k} : Matrix{b.data(), n, 1};
  std::vector<float> actual = before, expected = before;
  const bool accumulate = turn & 4;
  cpu::matmul(amx, {{m, n, k}, left, right, {actual.data(), n}, {}, accumulate});
  cpu::matmul(emulated, {{m, n, k}, left, right, {expected.data(), n}, {}, accumulate});
  compare(actual, expected, 0, "matmul", m, n, k);
}

void check_outer(Context& amx, Context& emulated, int64_t out, int64_t in, const std::vector<int64_t>& lengths,
                 bool squared) {
  SegmentTable table;
  for (int64_t length : lengths) table.append(table.rows(), length, 0.3f);
  const int64_t rows = table.rows();
  const Segments segments{
      table.count(), rows, rows, table.gradient.data(), table.forward.data(), table.weight.data(), table.row_of.data()};
  const std::vector<float> x = normal(rows * in), dy = normal(rows * out), added = normal(2 * in);
  const SparseRow sparse[] = {{0, 0, added.data()}, {out - 1, 1, added.data() + in}};
  const SparseRows extra{sparse, 2};
  std::vector<float> actual(out * in), expected(out * in);
  cpu::squared_outer(amx, {segments, out, in, x.data(), in, dy.data(), out, &extra, squared, actual.data()});
  cpu::squared_outer(emulated, {segments, out, in, x.data(), in, dy.data(), out, &extra, squared, expected.data()});
  compare(actual, expected, 1e-6f, "squared_outer", out, in, rows);
}

}  // namespace

int main() {
  if (!__builtin_cpu_supports("avx512bf16")) {
    std::puts("amx_checks: skipped, as this processor has no AVX-512-BF16");
    return 0;
  }
  struct sigaction action = {};
  action.sa_sigaction = on_illegal_instruction;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (!amx_granted()) sigaction(SIGILL, &action, nullptr);

  if (!matmul_is_exact(kBf16Matmul_amx)) refuse("the kernels' own check fails");
  Kernels table = select_kernels("avx512");
  MatmulKernels products = kBf16Matmul_amx;
  products.short_segments = &kBf16Matmul_avx512bf16;
  table.bf16_matmul = &products;
  for (int threads : {1, 3}) {
    Context amx(table, threads, Compute::kBfloat16),
        emulated(select_kernels("amx_emulated"), threads, Compute::kBfloat16);
    int turn = 0;
    for (int64_t m : {1, 15, 16, 17, 32, 33, 65})
      for (int64_t n : {1, 16, 31, 32, 63, 65}) check_matmul(amx, emulated, m, n, 1 + (m * 7 + n * 3) % 70, turn++);
    for (int64_t k : {64, 512, 513, 1030}) check_matmul(amx, emulated, 40, 50, k, turn++);
    check_matmul(amx, emulated, 100, 300, 260, 0);  // this B is too large for every task to pack it
    for (int64_t out : {7, 16, 33, 70})
      for (int64_t in : {5, 32, 65}) check_outer(amx, emulated, out, in, {40, 1, 17, 0, 300}, turn++ % 2 == 0);
  }
  std::printf("amx_checks: %ld comparisons, %ld differ; %ld instructions on tiles by their documentation%s\n", compared,
              different, trapped.load(), trapped ? "" : " (this processor has them)");
  return different ? 1 : 0;
}
