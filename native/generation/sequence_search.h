// What becomes of the sequences of one input: the choice among the continuations that each step offers.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "generation/generate.h"
#include "ops/best_tokens.h"

namespace dfmerge {

struct Sequence {
  std::vector<int32_t> ids;
  float score;
};

class SequenceSearch {
 public:
  virtual ~SequenceSearch() = default;
  // Takes a step by the best tokens of every running sequence, [running().size(), candidates], and replaces running().
  virtual void advance(const BestToken* best) = 0;
  virtual bool done() const = 0;
  // The sequence that was found, with its score by the length penalty; the search is done.
  virtual Sequence result() const = 0;

  // The sequences that go on. At first there is one, which is empty.
  const std::vector<Sequence>& running() const { return running_; }
  // Which of the running sequences before the last step each one comes from.
  const std::vector<int32_t>& parents() const { return parents_; }

 protected:
  std::vector<Sequence> running_{{{}, 0.0f}};
  std::vector<int32_t> parents_;
};

// How many best tokens of every sequence a search looks at.
int64_t candidates(const GenerationRequest& request);

std::unique_ptr<SequenceSearch> make_search(const GenerationRequest& request);

}  // namespace dfmerge
