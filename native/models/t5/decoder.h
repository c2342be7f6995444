// T5's incremental decoder. The encoder runs once, and so do the keys and values that the decoder's layers make of its
// output; the keys and values of self-attention are kept from step to step.
#pragma once
#include "models/t5/forward.h"

namespace dfmerge::t5 {

class Decoder : public Decoding {
 public:
  Decoder(const Parameters& parameters, const Prompts& prompts, const PassSetting& setting);
  const float* begin() override;
  void reorder(const std::vector<int32_t>& parents) override;
  const float* step(const std::vector<int32_t>& tokens) override;

 private:
  // Sequences that share an input attend to it together.
  SpanTable cross_spans() const;
  float* self_attention(const Forward::Stack& stack, size_t layer);
  struct CrossAttention {
    size_t layer;
    const AttentionSpans& spans;
  };
  float* cross_attention(const Forward::Stack& stack, const CrossAttention& cross);

  Forward forward_;
  const int32_t start_token_;
  PositionBias bias_;
  std::vector<float*> cross_keys_;               // per layer [input tokens, 2 inner], keys and values side by side
  std::vector<std::vector<const float*>> rows_;  // per layer and step [sequences of then, 3 inner]
  std::vector<std::vector<int32_t>> slots_;      // per sequence and step, the row of the step that is its own
  std::vector<int32_t> slot_table_;              // the slots of all sequences, as a step reads them
  std::vector<int32_t> input_of_;                // per sequence
  Arena::Mark kept_;                             // what lies behind it in the arena is the last step's
};

}  // namespace dfmerge::t5
