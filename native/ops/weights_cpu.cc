// Weights packed for the CPU's micro-kernels. A product reads its right operand in panels as wide as a tile, and
// packing costs about as much as multiplying a few rows; a candidate is scored on many batches, so that each of its
// matrices is packed once and then read by all of them:
//
//     theta                        packed once                    read by every batch
//     W [out, in]  --- W^T --->    panels of W^T  ------------->  x W^T      (forward)
//                  \-- W ----->    panels of W    ------------->  dy W       (backward)
// The panels of W^T are as large as the parameters. In float32 they serve every forward pass. In bfloat16 a pass under
// gradients multiplies most matrices exactly and a scoring pass does not, so that each has panels of its own. Only one
// of the two sets exists at a time, in the same memory:
//
//               panels of W^T                   panels of W
//     float32   one set for both passes         none, as packing W while multiplying is only a copy
//     bfloat16  scoring or under gradients      as many matrices as 512 MiB hold, the first ones first
//     oneDNN    the same, by its dtype          all of them, because oneDNN packs whole matrices
#include <map>

#include "ops/matmul_cpu.h"
#include "ops/weights.h"

namespace dfmerge::cpu {

namespace {

constexpr int64_t kBackwardWords = int64_t{1} << 27;  // 512 MiB

class PackedWeights : public Weights {
 public:
  PackedWeights(Context& context, const WeightsOf& o);
  void prepare(const float* theta, bool gradients) override;
  void invalidate() override { forward_ = nullptr, backward_ready_ = false; }
  int64_t bytes() const override { return forward_memory_.bytes() + backward_memory_.bytes(); }
  const float* forward(int param, bool exact) const override {
    return forward_ ? forward_->find(forward_memory_, param, exact) : nullptr;
  }
  const float* backward(int param) const override {
    return backward_ready_ ? backward_side_.find(backward_memory_, param, false) : nullptr;
  }

 private:
  struct Panels {
    int64_t out, in, offset;
    bool exact;
  };
  // All matrices as one kind of pass reads them.
  struct Side {
    bool transpose;
    std::map<int, Panels> matrices = {};  // by their first parameter
    int64_t size = 0;                     // in words
    int64_t limit = INT64_MAX;            // a matrix that would pass it is left out
    const float* find(const Buffer& memory, int param, bool exact) const;
  };
  void add(Side& side, const WeightMatrix& matrix, bool exact);
  void pack(const float* theta, const Side& side, Buffer& memory);

  Context& context_;
  const ParamTable& table_;
  const bool rounded_;
  Side scoring_{true}, under_gradients_{true};  // in float32 `scoring_` stands for both
  Side backward_side_{false};
  Buffer forward_memory_, backward_memory_;  // allocated when they are first packed
  const Side* forward_ = nullptr;            // what forward_memory_ holds, or null
  bool backward_ready_ = false;
};

PackedWeights::PackedWeights(Context& context, const WeightsOf& o)
    : context_(context), table_(o.table), rounded_(context.compute == Compute::kBfloat16) {
  if (!context.onednn) backward_side_.limit = rounded_ ? kBackwardWords : 0;
  for (const WeightMatrix& matrix : o.matrices) {
    const int exact = rounded_ ? matrix.exact_in_scoring : 0;
    if (exact > 0) add(scoring_, {matrix.param, exact}, true);
    if (exact < matrix.adjoining) add(scoring_, {matrix.param + exact, matrix.adjoining - exact}, false);
    if (rounded_) add(under_gradients_, matrix, matrix.exact_under_gradients);
    add(backward_side_, matrix, false);
  }
}

void PackedWeights::add(Side& side, const WeightMatrix& matrix, bool exact) {
  const auto& shape = table_[matrix.param].shape;
  const int64_t out = shape[0] * matrix.adjoining, in = shape[1];
  const int64_t size = packed_size(context_, {side.transpose ? out : in, side.transpose ? in : out, {}, exact});
  if (side.size + size > side.limit) return;
  side.matrices[matrix.param] = {out, in, side.size, exact};
  side.size += size;
}

void PackedWeights::pack(const float* theta, const Side& side, Buffer& memory) {
  if (memory.size() < side.size) {
    memory = Buffer();  // releases the old memory before more is taken
    memory = Buffer(host_memory(), side.size);
  }
  for (const auto& [param, matrix] : side.matrices) {
    context_.check_stop();
    const auto [out, in, offset, exact] = matrix;
    const float* weight = theta + table_[param].offset;
    pack_matrix(context_,
                side.transpose ? Packing{out, in, transposed(weight, in), exact}
                               : Packing{in, out, row_major(weight, in), exact},
                memory.data() + offset);
  }
}

void PackedWeights::prepare(const float* theta, bool gradients) {
  const Side& forward = gradients && rounded_ ? under_gradients_ : scoring_;
  if (forward_ != &forward) {
    forward_ = nullptr;  // and it stays null where packing is stopped half-way
    pack(theta, forward, forward_memory_);
    forward_ = &forward;
  }
  if (gradients && backward_side_.size > 0 && !backward_ready_) {
    pack(theta, backward_side_, backward_memory_);
    backward_ready_ = true;
  }
}

const float* PackedWeights::Side::find(const Buffer& memory, int param, bool exact) const {
  const auto found = matrices.find(param);
  return found != matrices.end() && found->second.exact == exact ? memory.data() + found->second.offset : nullptr;
}

}  // namespace

std::unique_ptr<Weights> make_weights(Context& context, const WeightsOf& o) {
  return std::make_unique<PackedWeights>(context, o);
}

}  // namespace dfmerge::cpu
