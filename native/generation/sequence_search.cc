#include "generation/sequence_search.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace dfmerge {

namespace {

// What is added to a score to take it out of the running, and the score of a sequence that is not there. Scores are
// float32, and beside it their own value vanishes.
constexpr float kOut = -1e9f;

bool contains(const std::vector<int32_t>& ids, int32_t id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

float penalized(float score, size_t length, double penalty) {
  return score / static_cast<float>(std::pow(static_cast<double>(length), penalty));
}

class GreedySearch : public SequenceSearch {
 public:
  explicit GreedySearch(const GenerationRequest& request) : request_(request) {}

  void advance(const BestToken* best) override {
    Sequence& sequence = running_[0];
    sequence.ids.push_back(best->token);
    sequence.score += best->log_probability;
    parents_ = {0};
    done_ = contains(request_.end_tokens, best->token) ||
            static_cast<int64_t>(sequence.ids.size()) == request_.max_new_tokens;
  }

  bool done() const override { return done_; }

  Sequence result() const override {
    const Sequence& sequence = running_[0];
    return {sequence.ids, penalized(sequence.score, sequence.ids.size(), request_.length_penalty)};
  }

 private:
  const GenerationRequest& request_;
  bool done_ = false;
};

// The beam search of transformers 5, whose batches are rows like this one side by side: once a row is done here, its
// result there does not change any more.
class BeamSearch : public SequenceSearch {
 public:
  explicit BeamSearch(const GenerationRequest& request)
      : request_(request), beams_(static_cast<size_t>(request.num_beams)), found_(beams_, {{}, kOut, false}) {}

  void advance(const BestToken* best) override;
  bool done() const override { return done_; }
  Sequence result() const override { return {found_[0].ids, found_[0].score}; }

 private:
  struct Candidate {
    int32_t parent, token;
    float score;  // the log-probability of the whole sequence
    bool ended;
  };
  struct Found {
    std::vector<int32_t> ids;
    float score;  // by the length penalty
    bool ended;   // false while nothing was found for this place
  };
  std::vector<Candidate> best_candidates(const BestToken* best, size_t length) const;
  std::vector<int32_t> ids_of(const Candidate& candidate) const;
  void keep_running(const std::vector<Candidate>& all);
  void keep_found(const std::vector<Candidate>& all, size_t length);
  bool full() const {
    return std::all_of(found_.begin(), found_.end(), [](const Found& found) { return found.ended; });
  }

  const GenerationRequest& request_;
  const size_t beams_;
  std::vector<Found> found_;  // [beams], best first
  bool improvable_ = true;    // whether a running sequence may still become better than one that was found
  bool done_ = false;
};

// The indices of the `count` largest scores, of equal ones the first, largest first.
template <class Score>
std::vector<size_t> largest(size_t size, size_t count, const Score& score) {
  std::vector<size_t> order(size);
  for (size_t i = 0; i < size; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return score(a) > score(b); });
  order.resize(std::min(size, count));
  return order;
}

std::vector<BeamSearch::Candidate> BeamSearch::best_candidates(const BestToken* best, size_t length) const {
  const auto count = static_cast<size_t>(candidates(request_));
  const bool last = static_cast<int64_t>(length) == request_.max_new_tokens;
  std::vector<Candidate> all;
  for (size_t beam = 0; beam < running_.size(); ++beam)
    for (size_t i = 0; i < count; ++i) {
      const BestToken& next = best[beam * count + i];
      all.push_back({static_cast<int32_t>(beam), next.token, next.log_probability + running_[beam].score,
                     last || contains(request_.end_tokens, next.token)});
    }
  std::vector<Candidate> kept;
  for (size_t i : largest(all.size(), count, [&](size_t j) { return all[j].score; })) kept.push_back(all[i]);
  return kept;
}

std::vector<int32_t> BeamSearch::ids_of(const Candidate& candidate) const {
  std::vector<int32_t> ids = running_[candidate.parent].ids;
  ids.push_back(candidate.token);
  return ids;
}

void BeamSearch::keep_found(const std::vector<Candidate>& all, size_t length) {
  const bool closed = (full() && request_.early_stopping), settled = !improvable_;
  const auto score = [&](size_t i) {
    if (i < beams_) return found_[i].score;
    const size_t candidate = i - beams_;
    float value = penalized(all[candidate].score, length, request_.length_penalty);
    if (closed) value += kOut;
    if (settled) value += kOut;
    // Candidates behind the first `beams` only make sure that enough sequences go on.
    if (!all[candidate].ended || candidate >= beams_) value += kOut;
    return value;
  };
  std::vector<Found> kept;
  for (size_t i : largest(beams_ + all.size(), beams_, score)) {
    if (i < beams_) {
      kept.push_back(found_[i]);
      continue;
    }
    const Candidate& candidate = all[i - beams_];
    kept.push_back({ids_of(candidate), score(i), candidate.ended && i - beams_ < beams_});
  }
  found_ = std::move(kept);
}

void BeamSearch::keep_running(const std::vector<Candidate>& all) {
  const auto score = [&](size_t i) { return all[i].ended ? all[i].score + kOut : all[i].score; };
  std::vector<Sequence> running;
  parents_.clear();
  for (size_t i : largest(all.size(), beams_, score)) {
    running.push_back({ids_of(all[i]), score(i)});
    parents_.push_back(all[i].parent);
  }
  running_ = std::move(running);
}

void BeamSearch::advance(const BestToken* best) {
  const size_t length = running_[0].ids.size() + 1;
  const std::vector<Candidate> all = best_candidates(best, length);
  keep_found(all, length);
  keep_running(all);
  const float attainable = penalized(running_[0].score, length, request_.length_penalty);
  const auto is_worse = [&](const Found& found) {
    return attainable > (found.ended ? found_[beams_ - 1].score : kOut);
  };
  improvable_ = improvable_ && std::any_of(found_.begin(), found_.end(), is_worse);
  const bool all_ended =
      std::all_of(all.begin(), all.end(), [](const Candidate& candidate) { return candidate.ended; });
  done_ = !improvable_ || (full() && request_.early_stopping) || all_ended;
}

}  // namespace

int64_t candidates(const GenerationRequest& request) {
  if (request.num_beams == 1) return 1;
  // At most so many continuations of a sequence end it, so that enough are left to go on with.
  const auto ends =
      static_cast<int64_t>(std::set<int32_t>(request.end_tokens.begin(), request.end_tokens.end()).size());
  return std::max<int64_t>(2, 1 + ends) * request.num_beams;
}

std::unique_ptr<SequenceSearch> make_search(const GenerationRequest& request) {
  if (request.num_beams == 1) return std::make_unique<GreedySearch>(request);
  return std::make_unique<BeamSearch>(request);
}

}  // namespace dfmerge
