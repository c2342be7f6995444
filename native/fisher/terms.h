// Which gradients make up a Fisher (paper eq. 2-3), per mode.
#pragma once
#include "engine.h"

namespace dfmerge {

// p~ over the choices of every input: softmax of -NLL_c / L_c, or of -NLL_c in sequence mode.
std::vector<double> choice_probabilities(const Batch& batch, FisherMode mode, const std::vector<double>& nll);

// With l_c = -NLL_c / L_c (sequence: -NLL_c) and g_c its gradient:
//   exact, sequence: one term per choice, weight p~_c; sampled: the drawn choice, weight 1;
//   choices: F = sum_c p~_c (g_c - sum_k p~_k g_k)^2, the variance of g under p~, as C - 1 squares by merging choices
//   one at a time (Welford's update): with W_c = p~_1 + .. + p~_c, term c >= 2 is g_c - sum_{k<c} p~_k g_k / W_{c-1},
//   weight p~_c W_{c-1} / W_c.
// Choices with p~_c < min_weight are left out of these sums, all but the input's likeliest; the other p~ stay as they
// are. With m the p~ mass of an input's skipped choices, its term of an element of F loses at least 0 and at most m max
// g_c^2 over them, in choices mode m max (g_c - G)^2, G the mean of g under p~ over the kept. sampled takes no
// min_weight: it draws from all choices.
std::vector<GradientTerm> fisher_terms(const Batch& batch, FisherMode mode, const std::vector<double>& probabilities,
                                       const std::vector<double>& draws, const std::vector<int32_t>& drawn,
                                       double min_weight);

}  // namespace dfmerge
