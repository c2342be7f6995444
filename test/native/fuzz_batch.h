// Batches of arbitrary arrays.
#pragma once
#include "fuzz.h"
#include "models/batch.h"

namespace dfmerge {

// Offsets that partition a number of entries, or any numbers.
inline std::vector<int32_t> any_offsets(FuzzedDataProvider& data, size_t entries, int32_t longest) {
  if (data.ConsumeProbability<float>() < 0.1f) return numbers<int32_t>(data, 8, 16);
  std::vector<int32_t> offsets = {0};
  for (size_t i = 0; i < entries; ++i)
    offsets.push_back(offsets.back() + data.ConsumeIntegralInRange<int32_t>(i % 7 == 6 ? 0 : 1, longest));
  return offsets;
}

inline std::vector<int32_t> any_ids(FuzzedDataProvider& data, const std::vector<int32_t>& offsets, int vocabulary) {
  if (data.ConsumeProbability<float>() < 0.1f) return numbers<int32_t>(data, 16, vocabulary);
  const int32_t total = offsets.empty() ? 0 : offsets.back();
  std::vector<int32_t> ids(total < 0 || total > 256 ? 0 : static_cast<size_t>(total));
  for (int32_t& id : ids) id = data.ConsumeIntegralInRange<int32_t>(0, vocabulary - 1);
  if (!ids.empty() && data.ConsumeProbability<float>() < 0.1f) ids.back() = data.ConsumeIntegral<int32_t>();
  return ids;
}

inline Batch any_batch(FuzzedDataProvider& data, int vocabulary) {
  Batch batch;
  const size_t inputs = data.ConsumeIntegralInRange<size_t>(0, 5);
  batch.input_offsets = any_offsets(data, inputs, 6);
  batch.choice_offsets = any_offsets(data, inputs, 4);
  const int32_t choices = batch.choice_offsets.empty() ? 0 : batch.choice_offsets.back();
  batch.label_offsets = any_offsets(data, choices < 0 || choices > 64 ? 0 : static_cast<size_t>(choices), 4);
  batch.input_ids = any_ids(data, batch.input_offsets, vocabulary);
  batch.label_ids = any_ids(data, batch.label_offsets, vocabulary);
  return batch;
}

}  // namespace dfmerge
