// The checks of a batch of arbitrary arrays, and what counts on them: the decoder's inputs, sums per choice, p~ and the
// terms of a Fisher.
#include "fuzz_batch.h"

#include <cmath>

#include "fisher/terms.h"

using namespace dfmerge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const int vocabulary = data.ConsumeIntegralInRange<int>(1, 40);
  const Batch batch = any_batch(data, vocabulary);
  if (!accepted([&] { check(batch, vocabulary); })) return 0;

  const std::vector<int32_t> inputs = decoder_inputs(batch, 0);
  EXPECT(inputs.size() == batch.label_ids.size());
  for (int32_t id : inputs) EXPECT(id >= 0 && id < vocabulary);
  std::vector<double> of_token(batch.label_ids.size());
  for (double& value : of_token) value = data.ConsumeFloatingPointInRange<double>(0, 1e4);
  if (data.ConsumeBool() && !of_token.empty()) of_token[0] = data.ConsumeFloatingPoint<double>();
  const std::vector<double> nll = sum_choices(batch, of_token);
  EXPECT(nll.size() == static_cast<size_t>(batch.choices()));

  FisherRequest request;
  const char* names[] = {"exact", "sampled", "sequence", "choices", "other"};
  if (!accepted([&] { request.mode = parse_fisher_mode(names[data.ConsumeIntegralInRange<int>(0, 4)]); })) return 0;
  const size_t draws =
      data.ConsumeBool() ? static_cast<size_t>(batch.inputs()) : data.ConsumeIntegralInRange<size_t>(0, 6);
  if (request.mode == FisherMode::kSampled || data.ConsumeBool()) {
    for (size_t i = 0; i < draws; ++i)
      request.draws.push_back(data.ConsumeBool() ? data.ConsumeProbability<double>()
                                                 : data.ConsumeFloatingPoint<double>());
    if (data.ConsumeBool()) request.drawn = numbers<int32_t>(data, 6, 3);
  }
  request.min_weight = data.ConsumeBool() ? data.ConsumeProbability<double>() : data.ConsumeFloatingPoint<double>();
  std::vector<double> probabilities;
  std::vector<GradientTerm> terms;
  const bool made = accepted([&] {
    probabilities = choice_probabilities(batch, request.mode, nll);
    terms = fisher_terms(batch, request, probabilities);
  });
  if (!made) return 0;
  EXPECT(probabilities.size() == nll.size());
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    double sum = 0;
    bool finite = true;
    for (int32_t c = batch.choice_offsets[i]; c < batch.choice_offsets[i + 1]; ++c) {
      sum += probabilities[c];
      finite = finite && std::isfinite(nll[c]) && std::abs(nll[c]) < 1e300;
    }
    if (finite) EXPECT(std::abs(sum - 1) < 1e-9);
  }
  for (const GradientTerm& term : terms) {
    EXPECT(term.input >= 0 && term.input < batch.inputs());
    EXPECT(term.first_choice >= batch.choice_offsets[term.input]);
    EXPECT(!term.seeds.empty());
    EXPECT(term.first_choice + static_cast<int64_t>(term.seeds.size()) <= batch.choice_offsets[term.input + 1]);
  }
  return 0;
}
