// oneDNN's matrix products, an alternative to the built-in ones. It computes one block of C at a time on the calling
// thread, so that the bits do not depend on the number of threads; ops/matmul_onednn.cc cuts C into blocks.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

namespace dfmerge {

class Onednn {
 public:
  virtual ~Onednn() = default;

  // Compiled code for one product C[rows, columns] = A[rows, depth] B[depth, columns]. A, in the operands' format, and
  // C are dense and row-major; B is packed.
  struct Block {
    int64_t scratch_words;  // words of 32 bits that multiply() needs
  };
  // Compiled code that packs B[depth, columns] from float32 at given strides, for all blocks of these columns and
  // depth.
  struct Packing {
    int64_t scratch_words;  // words of 32 bits that pack() needs
  };
  static constexpr int64_t kMostRows = 128;  // rows of the tallest block

  // All that decides the bits, which is the version and the instructions that it found. An example is
  // "oneDNN 2.6.3 (avx512_core_bf16)".
  virtual const std::string& name() const = 0;

  // These are called by one thread at a time. Blocks and packings are made at first use, which compiles code, and kept.
  virtual int64_t packed_words(int64_t columns, int64_t depth) = 0;  // in words of 32 bits
  virtual const Block& block(int64_t rows, int64_t columns, int64_t depth) = 0;
  virtual const Packing& packing(int64_t columns, int64_t depth, int64_t row_stride, int64_t column_stride) = 0;

  // These are called by any number of threads.
  virtual void multiply(const Block& block, const void* a, const float* b, float* c, float* scratch) const = 0;
  virtual void pack(const Packing& packing, const float* source, float* packed, float* scratch) const = 0;
};

// Defined only in builds that found oneDNN (onednn.cc). Operands are rounded to bfloat16 where bf16 is true.
// Throws UNSUPPORTED where the library cannot be loaded, or has no such products for this processor.
std::unique_ptr<Onednn> make_onednn(bool bf16);
// The version of oneDNN that the build found, such as "2.6"; empty where it found none.
const char* onednn_built();
// Chooses what multiplies matrices; null stands for the built-in micro-kernels. `wanted` is "builtin" or "onednn";
// where it is empty, the environment variable DFMERGE_MATMUL decides, or else the default (onednn_choice.cc). Throws
// UNSUPPORTED for another word, and for "onednn" where the build, the machine's libraries or its processor lack it.
std::unique_ptr<Onednn> select_onednn(bool bf16, const std::string& wanted = "");

}  // namespace dfmerge
