#include "models/batch.h"

#include "core/error.h"

namespace dfmerge {

namespace {

struct Partition {
  int64_t total;    // what the offsets run to
  int64_t minimum;  // of every entry's length
};

void check_offsets(const char* name, const std::vector<int32_t>& offsets, const Partition& expected) {
  const auto [total, minimum] = expected;
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != total)
    fail("INVALID_ARGUMENT", "%s must run from 0 to %lld", name, static_cast<long long>(total));
  for (size_t i = 1; i < offsets.size(); ++i)
    if (int64_t{offsets[i]} - offsets[i - 1] < minimum)
      fail("INVALID_ARGUMENT", "%s: entry %zu is empty or falls back", name, i - 1);
}

void check_ids(const char* name, const std::vector<int32_t>& ids, int vocab_size) {
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || ids[i] >= vocab_size)
      fail("INVALID_ARGUMENT", "%s: token id %d at position %zu is not in the vocabulary of %d", name, ids[i], i,
           vocab_size);
}

}  // namespace

void check(const Batch& batch, int vocab_size) {
  check_offsets("inputOffsets", batch.input_offsets, {static_cast<int64_t>(batch.input_ids.size()), 1});
  check_offsets("labelOffsets", batch.label_offsets, {static_cast<int64_t>(batch.label_ids.size()), 1});
  check_offsets("choiceOffsets", batch.choice_offsets, {batch.choices(), 0});
  if (batch.choice_offsets.size() != batch.input_offsets.size())
    fail("INVALID_ARGUMENT", "choiceOffsets has %zu entries for %lld inputs", batch.choice_offsets.size(),
         static_cast<long long>(batch.inputs()));
  check_ids("inputIds", batch.input_ids, vocab_size);
  check_ids("labelIds", batch.label_ids, vocab_size);
}

std::vector<int32_t> decoder_inputs(const Batch& batch, int decoder_start) {
  std::vector<int32_t> ids(batch.label_ids.size());
  for (int64_t c = 0; c < batch.choices(); ++c) {
    ids[batch.label_offsets[c]] = decoder_start;
    for (int32_t t = batch.label_offsets[c] + 1; t < batch.label_offsets[c + 1]; ++t) ids[t] = batch.label_ids[t - 1];
  }
  return ids;
}

std::vector<double> sum_choices(const Batch& batch, const std::vector<double>& of_token) {
  std::vector<double> nll(static_cast<size_t>(batch.choices()));
  for (int64_t c = 0; c < batch.choices(); ++c)
    for (int32_t t = batch.label_offsets[c]; t < batch.label_offsets[c + 1]; ++t) nll[c] += of_token[t];
  return nll;
}

}  // namespace dfmerge
