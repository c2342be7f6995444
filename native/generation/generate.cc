#include "generation/generate.h"

#include <cmath>

#include "generation/sequence_search.h"

namespace dfmerge {

namespace {

void check_token(const char* name, int32_t token, int vocabulary) {
  if (token < 0 || token >= vocabulary)
    fail("INVALID_ARGUMENT", "%s: token id %d is not in the vocabulary of %d", name, token, vocabulary);
}

// The inputs whose sequences go on, in order, and what the next step does with these.
struct NextStep {
  std::vector<int64_t> inputs;
  std::vector<int32_t> parents, tokens;  // per sequence
};

}  // namespace

void check(const GenerationRequest& request, int vocabulary) {
  if (request.max_new_tokens < 1 || request.max_new_tokens > kMostNewTokens)
    fail("INVALID_ARGUMENT", "maxNewTokens is %lld: expected 1 to %lld", static_cast<long long>(request.max_new_tokens),
         static_cast<long long>(kMostNewTokens));
  if (request.num_beams < 1 || request.num_beams > kMostBeams)
    fail("INVALID_ARGUMENT", "numBeams is %d: expected 1 to %d", request.num_beams, kMostBeams);
  const auto divisor =
      static_cast<float>(std::pow(static_cast<double>(request.max_new_tokens), request.length_penalty));
  if (!std::isfinite(request.length_penalty) || !std::isnormal(divisor))
    fail("INVALID_ARGUMENT", "lengthPenalty is %g: expected a number by which %lld^lengthPenalty is in range",
         request.length_penalty, static_cast<long long>(request.max_new_tokens));
  for (int32_t token : request.end_tokens) check_token("endTokens", token, vocabulary);
  if (request.start_token != -1) check_token("startToken", request.start_token, vocabulary);
  if (candidates(request) > vocabulary)
    fail("INVALID_ARGUMENT", "numBeams is %d: a vocabulary of %d has too few tokens for so many", request.num_beams,
         vocabulary);
}

Generated generate(Stream& stream, const Generation& generation) {
  const auto& [request, decoding, inputs, vocabulary] = generation;
  const int64_t count = candidates(request);
  std::vector<std::unique_ptr<SequenceSearch>> searches;
  NextStep now;
  for (int64_t i = 0; i < inputs; ++i) {
    searches.push_back(make_search(request));
    now.inputs.push_back(i);
  }
  now.tokens.resize(static_cast<size_t>(inputs));
  const float* logits = inputs > 0 ? decoding.begin() : nullptr;
  while (!now.inputs.empty()) {
    stream.check_stop();
    const auto sequences = static_cast<int64_t>(now.tokens.size());
    std::vector<BestToken> best(static_cast<size_t>(sequences * count));
    best_tokens(stream, {sequences, vocabulary, count, logits, best.data()});
    NextStep next;
    int64_t first = 0;  // the input's first sequence
    for (int64_t input : now.inputs) {
      SequenceSearch& search = *searches[input];
      const auto running = static_cast<int64_t>(search.running().size());
      for (int64_t row = first * count; row < (first + running) * count; ++row)
        if (!std::isfinite(best[row].log_probability))
          fail("NUMERIC", "the logits of the next token of input %lld are not finite at these parameters",
               static_cast<long long>(input + 1));
      search.advance(best.data() + first * count);
      if (!search.done()) {
        next.inputs.push_back(input);
        for (size_t i = 0; i < search.running().size(); ++i) {
          next.parents.push_back(static_cast<int32_t>(first) + search.parents()[i]);
          next.tokens.push_back(search.running()[i].ids.back());
        }
      }
      first += running;
    }
    now = std::move(next);
    if (now.inputs.empty()) break;
    decoding.reorder(now.parents);
    logits = decoding.step(now.tokens);
  }
  Generated generated;
  generated.offsets.push_back(0);
  for (const auto& search : searches) {
    const Sequence sequence = search->result();
    generated.ids.insert(generated.ids.end(), sequence.ids.begin(), sequence.ids.end());
    generated.offsets.push_back(static_cast<int32_t>(generated.ids.size()));
    generated.scores.push_back(sequence.score);
  }
  return generated;
}

}  // namespace dfmerge
