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

// Returns d l_c / d(-NLL_c), where terms.h defines l_c.
double slope(const Batch& batch, FisherMode mode, int64_t choice) {
  return mode == FisherMode::kSequence ? 1.0 : 1.0 / static_cast<double>(length(batch, choice));
}

void check_request(const Batch& batch, const FisherRequest& request) {
  const double least = request.min_weight;
  if (!(least >= 0 && least <= 1)) fail("INVALID_ARGUMENT", "minWeight is %g: expected a number from 0 to 1", least);
  if (request.mode != FisherMode::kSampled) return;
  if (least > 0)
    fail("INVALID_ARGUMENT", "minWeight is %g: the sampled Fisher draws from all choices and skips none, expected 0",
         least);
  const size_t given = request.drawn.empty() ? request.draws.size() : request.drawn.size();
  if (given != static_cast<size_t>(batch.inputs()))
    fail("INVALID_ARGUMENT", "the sampled Fisher needs one draw per input");
  if (!request.drawn.empty()) return;
  for (double uniform : request.draws)
    if (!(uniform >= 0 && uniform < 1)) fail("INVALID_ARGUMENT", "a draw is %g: expected a number in [0, 1)", uniform);
}

struct ScoredBatch {
  const Batch& batch;
  const FisherRequest& request;
  const std::vector<double>& p;  // p~ of every choice
};

// Makes the terms of one input, whose choices are [begin, end).
class InputTerms {
 public:
  InputTerms(const ScoredBatch& of, int64_t input)
      : batch_(of.batch),
        request_(of.request),
        p_(of.p),
        input_(input),
        begin_(of.batch.choice_offsets[input]),
        end_(of.batch.choice_offsets[input + 1]) {
    if (begin_ == end_) fail("INVALID_ARGUMENT", "input %lld has no choices", static_cast<long long>(input));
    likeliest_ = std::max_element(p_.begin() + begin_, p_.begin() + end_) - p_.begin();
  }

  void append(std::vector<GradientTerm>& terms) const {
    if (request_.mode == FisherMode::kSampled) return terms.push_back(single(drawn(), 1.0));
    if (request_.mode == FisherMode::kChoices) return append_variance(terms);
    for (int64_t c = begin_; c < end_; ++c)
      if (kept(c)) terms.push_back(single(c, p_[c]));
  }

 private:
  bool kept(int64_t c) const { return p_[c] >= request_.min_weight || c == likeliest_; }

  GradientTerm single(int64_t c, double weight) const {
    return {input_, c, {static_cast<float>(slope(batch_, request_.mode, c))}, static_cast<float>(weight)};
  }

  int64_t drawn() const {
    if (request_.drawn.empty()) return picked_by(request_.draws[input_]);
    const int32_t choice = request_.drawn[input_];
    if (choice < 0 || choice >= end_ - begin_)
      fail("INVALID_ARGUMENT", "draw %lld is %d: the input has %lld choices", static_cast<long long>(input_), choice,
           static_cast<long long>(end_ - begin_));
    return begin_ + choice;
  }

  int64_t picked_by(double uniform) const {
    double below = 0;
    for (int64_t c = begin_; c < end_ - 1; ++c) {
      below += p_[c];
      if (uniform < below) return c;
    }
    return end_ - 1;
  }

  void append_variance(std::vector<GradientTerm>& terms) const {
    int64_t first = begin_;
    while (!kept(first)) ++first;
    double before = p_[first];
    for (int64_t c = first + 1; c < end_; ++c) {
      if (!kept(c)) continue;
      GradientTerm term{input_, first, {}, static_cast<float>(p_[c] * before / (before + p_[c]))};
      for (int64_t k = first; k < c; ++k)
        term.seeds.push_back(
            static_cast<float>(before > 0 && kept(k) ? -p_[k] / before * slope(batch_, request_.mode, k) : 0.0));
      term.seeds.push_back(static_cast<float>(slope(batch_, request_.mode, c)));
      before += p_[c];
      if (term.weight > 0) terms.push_back(std::move(term));
    }
  }

  const Batch& batch_;
  const FisherRequest& request_;
  const std::vector<double>& p_;
  const int64_t input_, begin_, end_;
  int64_t likeliest_;
};

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

std::vector<GradientTerm> fisher_terms(const Batch& batch, const FisherRequest& request,
                                       const std::vector<double>& probabilities) {
  check_request(batch, request);
  std::vector<GradientTerm> terms;
  for (int64_t i = 0; i < batch.inputs(); ++i) InputTerms({batch, request, probabilities}, i).append(terms);
  return terms;
}

}  // namespace dfmerge
