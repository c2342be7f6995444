// T5 (v1.0, v1.1, Flan, mT5) as an architecture of the engine.
#include <algorithm>
#include <cmath>

#include "models/t5/backward.h"
#include "models/t5/decoder.h"
#include "ops/elementwise.h"
#include "ops/random.h"

namespace dfmerge::t5 {

namespace {

class T5Pass : public Pass {
 public:
  T5Pass(const Parameters& parameters, const Batch& batch, const PassSetting& setting)
      : forward_(parameters, batch, setting), keep_(setting.keep) {}

  std::vector<double> score() override {
    forward_.encode();
    forward_.decode();
    return forward_.score(keep_);
  }

  void backward(const std::vector<GradientTerm>& terms, Accumulate accumulate, float* target) override {
    t5::backward(forward_, {terms, accumulate, target});
  }

  std::vector<float> output(const std::string& name) override {
    forward_.encode();
    const Config& c = forward_.model.config;
    if (name == "encode") return forward_.stream.download(forward_.encoder_output(), forward_.encoder_rows * c.d_model);
    if (name != "logits") fail("INVALID_ARGUMENT", "T5 has no output %s: expected encode or logits", name.c_str());
    forward_.decode();
    forward_.score(true);
    return forward_.stream.download(forward_.logits(), forward_.decoder_rows * c.vocab_size);
  }

 private:
  Forward forward_;
  const bool keep_;
};

bool ends_with(const std::string& text, const char* end) {
  const std::string suffix(end);
  return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
}

// The standard deviation of a parameter's first values, as in Mesh TensorFlow's T5.
double deviation(const Config& c, const std::string& name) {
  if (ends_with(name, ".q.weight")) return 1.0 / std::sqrt(double(c.d_model) * c.d_kv);
  if (ends_with(name, ".o.weight")) return 1.0 / std::sqrt(double(c.inner()));
  if (ends_with(name, ".wo.weight")) return 1.0 / std::sqrt(double(c.d_ff));
  if (ends_with(name, "shared.weight") || ends_with(name, "lm_head.weight")) return 1.0;
  return 1.0 / std::sqrt(double(c.d_model));  // k, v, wi, wi_0, wi_1, relative_attention_bias
}

class T5 : public Model {
 public:
  explicit T5(const Config& config) : parameters_(config) {}
  const ParamTable& parameters() const override { return parameters_.table; }
  int vocabulary() const override { return parameters_.config.vocab_size; }
  std::vector<WeightMatrix> matrices() const override;
  std::unique_ptr<Pass> forward(const Batch& batch, const PassSetting& setting) const override {
    return std::make_unique<T5Pass>(parameters_, batch, setting);
  }
  std::unique_ptr<Decoding> decode(const Prompts& prompts, const PassSetting& setting) const override {
    return std::make_unique<Decoder>(parameters_, prompts, setting);
  }
  double activation_bytes(const RowShape& row) const override {
    return row.sequences > 0 ? generation_bytes(row) : row.gradients > 0 ? gradient_bytes(row) : score_bytes(row);
  }
  void initialize(Stream& stream, uint64_t seed, float* theta) const override;

 private:
  double score_bytes(const RowShape& row) const;
  double gradient_bytes(const RowShape& row) const;
  double generation_bytes(const RowShape& row) const;

  Parameters parameters_;
};

// The head and the decoder come first, because few rows meet their weights and packing them for every batch would cost
// most. A scoring pass in bfloat16 computes exactly what the attention's weights come from; a pass under gradients
// computes all but the head so (Forward::project).
std::vector<WeightMatrix> T5::matrices() const {
  std::vector<WeightMatrix> all = {{parameters_.head}};
  const auto add = [&](int param, int adjoining) { all.push_back({param, adjoining, 0, true}); };
  const auto add_keys = [&](int param, int adjoining) {
    all.push_back({param, adjoining, exact_keys(adjoining), true});
  };
  const auto add_feed_forward = [&](const FeedForwardParams& p) {
    add(p.gate, parameters_.config.gated ? 2 : 1);
    add(p.wo, 1);
  };
  for (const DecoderLayer& layer : parameters_.decoder) {
    add_keys(layer.self.q, 3);
    add(layer.self.o, 1);
    add_keys(layer.cross.q, 1);
    add_keys(layer.cross.k, 2);
    add(layer.cross.o, 1);
    add_feed_forward(layer.feed_forward);
  }
  for (const EncoderLayer& layer : parameters_.encoder) {
    add_keys(layer.self.q, 3);
    add(layer.self.o, 1);
    add_feed_forward(layer.feed_forward);
  }
  return all;
}

constexpr double kFloat = 4;  // bytes

// A scoring pass holds the residual stream, one sublayer's buffers and their packed copies.
double T5::score_bytes(const RowShape& row) const {
  const Config& c = parameters_.config;
  const double inner = c.inner(), feed_forward = (c.gated ? 4.0 : 2.0) * c.d_ff;
  const double per_token = kFloat * (4.0 * c.d_model + std::max(5 * inner, feed_forward));
  const auto inputs = static_cast<double>(row.input_tokens), choices = static_cast<double>(row.choice_tokens);
  return per_token * (inputs + choices) + kFloat * c.num_heads * inputs;
}

// Generation holds the keys and values of the input and of all steps, and beside them the buffers of the encoder or of
// one step with its logits.
double T5::generation_bytes(const RowShape& row) const {
  const Config& c = parameters_.config;
  const auto inputs = static_cast<double>(row.input_tokens), sequences = static_cast<double>(row.sequences);
  const double cross = 2.0 * inputs, self = 3.0 * sequences * static_cast<double>(row.new_tokens);
  const double encoder = score_bytes({row.input_tokens, 0, 0, 0}),
               step = score_bytes({0, row.sequences, 0, 0}) + kFloat * sequences * c.vocab_size;
  return kFloat * c.num_decoder_layers * c.inner() * (cross + self) + kFloat * inputs * c.d_model +
         std::max(encoder, step);
}

// A pass under gradients holds all activations, the logits, and the rows of every gradient.
double T5::gradient_bytes(const RowShape& row) const {
  const Config& c = parameters_.config;
  const double inner = c.inner(), feed_forward = (c.gated ? 3.0 : 1.0) * c.d_ff;
  const double encoder_kept =
      kFloat * c.num_layers * (4.0 * c.d_model + 4 * inner + feed_forward) + kFloat * c.num_decoder_layers * 2 * inner;
  const double decoder_kept =
      kFloat * (c.num_decoder_layers * (6.0 * c.d_model + 6 * inner + feed_forward) + c.vocab_size);
  const double gradient_row = kFloat * (3.0 * c.d_model + 2 * std::max(4 * inner, feed_forward));
  const auto inputs = static_cast<double>(row.input_tokens), choices = static_cast<double>(row.choice_tokens);
  const double choices_of_row = std::max(static_cast<double>(row.choices), 1.0);
  const double gradient_rows = row.gradients * inputs + row.gradients * (choices / choices_of_row);
  return encoder_kept * inputs + decoder_kept * choices + gradient_row * gradient_rows;
}

void T5::initialize(Stream& stream, uint64_t seed, float* theta) const {
  const ParamTable& table = parameters_.table;
  for (int p = 0; p < table.count(); ++p) {
    const Param& param = table[p];
    float* values = theta + param.offset;
    if (ends_with(param.name, "layer_norm.weight"))
      fill(stream, {values, param.size, 1.0f});
    else
      fill_normal(stream,
                  {values, param.size, deviation(parameters_.config, param.name), seed, static_cast<uint64_t>(p)});
  }
}

const Registration registration("t5", [](const ModelConfig& settings) -> std::unique_ptr<Model> {
  return std::make_unique<T5>(read_config(settings));
});

}  // namespace

}  // namespace dfmerge::t5
