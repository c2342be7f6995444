// Generation of token sequences from inputs: greedily, or by a beam search. The loop is the same for every
// architecture, which gives the logits of the next tokens (Decoding in models/model.h).
#pragma once
#include <cstdint>
#include <vector>

#include "models/model.h"

namespace dfmerge {

struct GenerationRequest {
  int64_t max_new_tokens;
  // With 1 the likeliest token is taken at every step. With more, a beam search keeps so many sequences.
  int num_beams;
  double length_penalty;  // a sequence's score is its log-probability / length^length_penalty
  bool early_stopping;    // ends a beam search once it has num_beams ended sequences, although others might be better
  std::vector<int32_t> end_tokens;  // each of them ends a sequence
  int32_t start_token;              // begins every sequence (Prompts)
};

struct Generated {
  std::vector<int32_t> ids;      // of all inputs, one after another; an end token is the last one of its sequence
  std::vector<int32_t> offsets;  // [inputs + 1]
  std::vector<double> scores;    // [inputs]
};

constexpr int64_t kMostNewTokens = int64_t{1} << 16;
constexpr int kMostBeams = 1 << 10;

// Throws INVALID_ARGUMENT, which names the number that is out of range or not in the vocabulary.
void check(const GenerationRequest& request, int vocabulary);

struct Generation {
  const GenerationRequest& request;
  Decoding& decoding;
  int64_t inputs;
  int vocabulary;
};

// Throws NUMERIC where a logit is not finite.
Generated generate(Stream& stream, const Generation& generation);

}  // namespace dfmerge
