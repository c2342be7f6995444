// The smallest model that has an encoder, a head and gradients: a bag of tokens. It exists to show that an architecture
// is a folder on each side of the boundary and an edit nowhere else.
//
//   h = sum_t E[input_t]        E "embedding.weight" [vocabulary, width]
//   NLL of a choice = sum over its label tokens of the cross entropy of h W^T, W "linear.weight" [vocabulary, width]

#include <algorithm>

#include "models/model.h"
#include "ops/cross_entropy.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/random.h"
#include "ops/squared_outer.h"

namespace dfmerge::bag {

namespace {

struct Shape {
  int vocabulary, width;
};

struct Parameters {
  explicit Parameters(const Shape& s)
      : shape(s),
        embedding(table.add("embedding.weight", {s.vocabulary, s.width})),
        linear(table.add("linear.weight", {s.vocabulary, s.width})) {}
  Shape shape;
  ParamTable table;
  int embedding, linear;
};

// The rows of a backward pass: the tokens of a term's input, and the label tokens of its choices.
struct TermRows {
  SegmentTable inputs, labels;
  std::vector<float> scale;  // per label row
};

TermRows rows_of(const Batch& batch, const std::vector<GradientTerm>& terms) {
  TermRows rows;
  for (const GradientTerm& term : terms) {
    const int64_t input = batch.input_offsets[term.input], label = batch.label_offsets[term.first_choice];
    const auto last = term.first_choice + static_cast<int64_t>(term.seeds.size());
    rows.inputs.append(input, batch.input_offsets[term.input + 1] - input, term.weight);
    rows.labels.append(label, batch.label_offsets[last] - label, term.weight);
    for (int64_t c = term.first_choice; c < last; ++c)
      rows.scale.insert(rows.scale.end(), static_cast<size_t>(batch.label_offsets[c + 1] - batch.label_offsets[c]),
                        -term.seeds[c - term.first_choice]);
  }
  return rows;
}

class BagPass : public Pass {
 public:
  BagPass(const Parameters& parameters, const Batch& batch, const PassSetting& setting)
      : p_(parameters), batch_(batch), s_(setting), stream_(setting.stream), width_(parameters.shape.width) {
    for (int64_t i = 0; i < batch.inputs(); ++i)
      for (int64_t c = batch.choice_offsets[i]; c < batch.choice_offsets[i + 1]; ++c)
        input_of_label_.resize(static_cast<size_t>(batch.label_offsets[c + 1]), static_cast<int32_t>(i));
  }

  std::vector<double> score() override { return score(s_.keep); }

  void backward(const std::vector<GradientTerm>& terms, Accumulate accumulate, float* target) override {
    if (!logits_) fail("INVALID_ARGUMENT", "the backward pass needs a forward pass that kept its logits");
    if (accumulate != Accumulate::kSquares) fail("UNSUPPORTED", "a bag of tokens is not trained");
    const TermRows rows = rows_of(batch_, terms);
    const Segments labels = rows.labels.upload(stream_);
    const int vocabulary = p_.shape.vocabulary;
    float* dlogits = s_.arena.allocate(labels.rows * vocabulary);
    cross_entropy_backward(stream_, {labels.rows, vocabulary, logits_, stream_.upload(batch_.label_ids), labels.row_of,
                                     stream_.upload(rows.scale), dlogits});
    squared_outer(stream_, {labels, vocabulary, width_, h_, width_, dlogits, vocabulary, nullptr, true,
                            target + p_.table[p_.linear].offset});

    // Every input token of a term gets the sum of the gradients of the term's rows.
    float* dh = s_.arena.allocate(labels.rows * width_);
    matmul(stream_, {{labels.rows, width_, vocabulary},
                     row_major(dlogits, vocabulary),
                     row_major(weight(p_.linear), width_),
                     {dh, width_},
                     {s_.weights.backward(p_.linear)}});
    float* sums = s_.arena.allocate(labels.count * width_);
    for (int64_t s = 0; s < labels.count; ++s)
      sum_rows(dh + rows.labels.gradient[s] * width_, rows.labels.gradient[s + 1] - rows.labels.gradient[s],
               sums + s * width_);
    std::vector<int32_t> segment_of(static_cast<size_t>(rows.inputs.rows()));
    for (int64_t s = 0; s < labels.count; ++s)
      std::fill(segment_of.begin() + rows.inputs.gradient[s], segment_of.begin() + rows.inputs.gradient[s + 1],
                static_cast<int32_t>(s));
    float* dx = s_.arena.allocate(rows.inputs.rows() * width_);
    embedding(stream_, {rows.inputs.rows(), width_, sums, stream_.upload(segment_of), dx});
    const SegmentTable none;
    const TokenRuns runs = token_runs(width_, {rows.inputs, batch_.input_ids, dx}, {none, batch_.label_ids, nullptr});
    const SparseRows sparse{stream_.upload(runs.total), static_cast<int64_t>(runs.total.size())};
    embedding_backward(stream_, {width_, sparse.count, stream_.upload(runs.rows), stream_.upload(runs.first)});
    squared_rows(stream_, {labels, sparse, width_, true, target + p_.table[p_.embedding].offset});
  }

  std::vector<float> output(const std::string& name) override {
    if (name != "logits") fail("INVALID_ARGUMENT", "a bag of tokens has no output %s", name.c_str());
    score(true);
    return stream_.download(logits_, batch_.label_tokens() * p_.shape.vocabulary);
  }

 private:
  const float* weight(int param) const { return s_.theta + p_.table[param].offset; }

  // out[width] = the sum of `rows` rows of x.
  void sum_rows(const float* x, int64_t rows, float* out) {
    float* ones = s_.arena.allocate(rows);
    fill(stream_, {ones, rows, 1.0f});
    matmul(stream_, {{1, width_, rows}, row_major(ones, rows), row_major(x, width_), {out, width_}, {nullptr, true}});
  }

  std::vector<double> score(bool keep) {
    const int64_t tokens = batch_.input_tokens(), labels = batch_.label_tokens();
    float* x = s_.arena.allocate(tokens * width_);
    embedding(stream_, {tokens, width_, weight(p_.embedding), stream_.upload(batch_.input_ids), x});
    float* h = s_.arena.allocate(batch_.inputs() * width_);
    for (int64_t i = 0; i < batch_.inputs(); ++i)
      sum_rows(x + batch_.input_offsets[i] * width_, batch_.input_offsets[i + 1] - batch_.input_offsets[i],
               h + i * width_);
    h_ = s_.arena.allocate(labels * width_);
    embedding(stream_, {labels, width_, h, stream_.upload(input_of_label_), h_});
    if (keep) logits_ = s_.arena.allocate(labels * p_.shape.vocabulary);
    const Head head{weight(p_.linear), s_.weights.forward(p_.linear, false), p_.shape.vocabulary, width_};
    std::vector<double> of_token(static_cast<size_t>(labels));
    head_nll(stream_, {head, labels, h_, stream_.upload(batch_.label_ids), of_token.data(), logits_});
    return sum_choices(batch_, of_token);
  }

  const Parameters& p_;
  const Batch& batch_;
  const PassSetting s_;
  Stream& stream_;
  const int64_t width_;
  std::vector<int32_t> input_of_label_;
  float *h_ = nullptr, *logits_ = nullptr;  // [label rows, width], [label rows, vocabulary]
};

class Bag : public Model {
 public:
  explicit Bag(const Shape& shape) : parameters_(shape) {}
  const ParamTable& parameters() const override { return parameters_.table; }
  int vocabulary() const override { return parameters_.shape.vocabulary; }
  std::vector<WeightMatrix> matrices() const override { return {{parameters_.linear}}; }
  std::unique_ptr<Pass> forward(const Batch& batch, const PassSetting& setting) const override {
    return std::make_unique<BagPass>(parameters_, batch, setting);
  }
  double activation_bytes(const RowShape& row) const override {
    return 4.0 * parameters_.shape.width * static_cast<double>(row.input_tokens + row.choice_tokens);
  }
  void initialize(Stream& stream, uint64_t seed, float* theta) const override {
    for (int p = 0; p < parameters_.table.count(); ++p) {
      const Param& param = parameters_.table[p];
      fill_normal(stream, {theta + param.offset, param.size, 0.5, seed, static_cast<uint64_t>(p)});
    }
  }

 private:
  Parameters parameters_;
};

const Registration registration("bag", [](const ModelConfig& settings) -> std::unique_ptr<Model> {
  const Shape shape{settings.integer("vocabSize"), settings.integer("width")};
  if (shape.vocabulary < 1 || shape.width < 1) fail("INVALID_CONFIG", "a size of the model is not positive");
  return std::make_unique<Bag>(shape);
});

}  // namespace

}  // namespace dfmerge::bag
