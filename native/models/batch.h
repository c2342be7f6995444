// A ragged batch: sequences are concatenated without padding, and offsets say where each begins.
#pragma once
#include <cstdint>
#include <vector>

namespace dfmerge {

struct Batch {
  std::vector<int32_t> input_ids;       // encoder tokens of all inputs
  std::vector<int32_t> input_offsets;   // [inputs + 1]
  std::vector<int32_t> label_ids;       // label tokens of all choices, in input order, then choice order
  std::vector<int32_t> label_offsets;   // [choices + 1]
  std::vector<int32_t> choice_offsets;  // [inputs + 1]: input i has choices [choice_offsets[i], choice_offsets[i + 1])

  int64_t inputs() const { return static_cast<int64_t>(input_offsets.size()) - 1; }
  int64_t choices() const { return static_cast<int64_t>(label_offsets.size()) - 1; }
  int64_t input_tokens() const { return input_offsets.back(); }
  int64_t label_tokens() const { return label_offsets.back(); }
};

// Throws INVALID_ARGUMENT where offsets do not partition the ids, a sequence is empty or an id is outside the
// vocabulary.
void check(const Batch& batch, int vocab_size);

// The decoder's input: the labels of each choice, shifted right behind a start token.
std::vector<int32_t> decoder_inputs(const Batch& batch, int decoder_start);

// Adds up the NLL of every choice from the NLL of its label tokens.
std::vector<double> sum_choices(const Batch& batch, const std::vector<double>& of_token);

}  // namespace dfmerge
