#include "fisher/terms.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace dfmerge {

FisherMode parse_fisher_mode(const std::string& name) {
  if (name == "exact") return FisherMode::kExact;
  if (name == "sampled") return FisherMode::kSampled;
  if (name == "sequence") return FisherMode::kSequence;
  if (name == "choices") return FisherMode::kChoices;
  fail("INVALID_ARGUMENT", "unknown Fisher mode \"%s\": expected exact, sampled, sequence or choices", name.c_str());
}

namespace {

int64_t length(const Batch& batch, int64_t choice) {
  return batch.label_offsets[choice + 1] - batch.label_offsets[choice];
}

// d l_c / d(-NLL_c)
double slope(const Batch& batch, FisherMode mode, int64_t choice) {
  return mode == FisherMode::kSequence ? 1.0 : 1.0 / static_cast<double>(length(batch, choice));
}

int64_t draw(const Batch& batch, const std::vector<double>& probabilities, int64_t input, double uniform) {
  double below = 0;
  const int64_t last = batch.choice_offsets[input + 1] - 1;
  for (int64_t c = batch.choice_offsets[input]; c < last; ++c) {
    below += probabilities[c];
    if (uniform < below) return c;
  }
  return last;
}

}  // namespace

std::vector<double> choice_probabilities(const Batch& batch, FisherMode mode, const std::vector<double>& nll) {
  std::vector<double> p(nll.size());
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int64_t begin = batch.choice_offsets[i], end = batch.choice_offsets[i + 1];
    double top = -INFINITY, sum = 0;
    for (int64_t c = begin; c < end; ++c) top = std::max(top, p[c] = -nll[c] * slope(batch, mode, c));
    for (int64_t c = begin; c < end; ++c) sum += p[c] = std::exp(p[c] - top);
    for (int64_t c = begin; c < end; ++c) p[c] /= sum;
  }
  return p;
}

std::vector<GradientTerm> fisher_terms(const Batch& batch, FisherMode mode, const std::vector<double>& p,
                                       const std::vector<double>& draws, const std::vector<int32_t>& drawn,
                                       double min_weight) {
  if (!(min_weight >= 0 && min_weight <= 1))
    fail("INVALID_ARGUMENT", "minWeight is %g: expected a number from 0 to 1", min_weight);
  if (mode == FisherMode::kSampled && min_weight > 0)
    fail("INVALID_ARGUMENT", "minWeight is %g: the sampled Fisher draws from all choices and skips none, expected 0",
         min_weight);
  const auto inputs = static_cast<size_t>(batch.inputs());
  if (mode == FisherMode::kSampled && (drawn.empty() ? draws.size() : drawn.size()) != inputs)
    fail("INVALID_ARGUMENT", "the sampled Fisher needs one draw per input");
  if (mode == FisherMode::kSampled && drawn.empty())
    for (double uniform : draws)
      if (!(uniform >= 0 && uniform < 1))
        fail("INVALID_ARGUMENT", "a draw is %g: expected a number in [0, 1)", uniform);
  std::vector<GradientTerm> terms;
  for (int64_t i = 0; i < batch.inputs(); ++i) {
    const int64_t begin = batch.choice_offsets[i], end = batch.choice_offsets[i + 1];
    if (begin == end) fail("INVALID_ARGUMENT", "input %lld has no choices", static_cast<long long>(i));
    const auto single = [&](int64_t c, double weight) {
      terms.push_back({i, c, {static_cast<float>(slope(batch, mode, c))}, static_cast<float>(weight)});
    };
    const int64_t likeliest = std::max_element(p.begin() + begin, p.begin() + end) - p.begin();
    const auto kept = [&](int64_t c) { return p[c] >= min_weight || c == likeliest; };
    if (mode == FisherMode::kSampled) {
      if (!drawn.empty() && (drawn[i] < 0 || drawn[i] >= end - begin))
        fail("INVALID_ARGUMENT", "draw %lld is %d: the input has %lld choices", static_cast<long long>(i), drawn[i],
             static_cast<long long>(end - begin));
      single(drawn.empty() ? draw(batch, p, i, draws[i]) : begin + drawn[i], 1.0);
    } else if (mode == FisherMode::kChoices) {
      int64_t first = begin;
      while (!kept(first)) ++first;
      double before = p[first];
      for (int64_t c = first + 1; c < end; ++c) {
        if (!kept(c)) continue;
        GradientTerm term{i, first, {}, static_cast<float>(p[c] * before / (before + p[c]))};
        for (int64_t k = first; k < c; ++k)
          term.seeds.push_back(
              static_cast<float>(before > 0 && kept(k) ? -p[k] / before * slope(batch, mode, k) : 0.0));
        term.seeds.push_back(static_cast<float>(slope(batch, mode, c)));
        before += p[c];
        if (term.weight > 0) terms.push_back(std::move(term));
      }
    } else {
      for (int64_t c = begin; c < end; ++c)
        if (kept(c)) single(c, p[c]);
    }
  }
  return terms;
}

}  // namespace dfmerge
