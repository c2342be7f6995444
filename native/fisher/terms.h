// Which gradients make up a Fisher (paper eq. 2-3), per mode. A mode knows inputs and choices, and no architecture.
#pragma once
#include <string>
#include <vector>

#include "models/model.h"

namespace dfmerge {

enum class FisherMode { kExact, kSampled, kSequence, kChoices };
// Throws INVALID_ARGUMENT for another name than exact, sampled, sequence or choices.
FisherMode parse_fisher_mode(const std::string& name);

// Which of a batch's choices the Fisher takes.
struct FisherRequest {
  FisherMode mode;
  // kSampled draws one choice per input. A uniform number in [0, 1) per input picks it by the distribution function of
  // p~, or it is given itself in `drawn`, which counts where it is not empty.
  std::vector<double> draws;
  std::vector<int32_t> drawn;
  // Choices whose p~ is below it are skipped, except for an input's likeliest one; 0 skips none.
  double min_weight = 0;
};

// p~ over the choices of every input: the softmax of -NLL_c / L_c with L_c label tokens, or of -NLL_c in sequence mode.
// nll and the result: [choices].
std::vector<double> choice_probabilities(const Batch& batch, FisherMode mode, const std::vector<double>& nll);

// With l_c = -NLL_c / L_c (in sequence mode -NLL_c) and g_c its gradient, the terms are:
//
//   exact, sequence   one per choice, with weight p~_c
//   sampled           the drawn choice, with weight 1
//   choices           F = sum_c p~_c (g_c - sum_k p~_k g_k)^2, the variance of g under p~, as C - 1 squares by merging
//                     one choice after another (Welford's update): with W_c = p~_1 + .. + p~_c, term c >= 2 is
//                     g_c - sum_{k<c} p~_k g_k / W_{c-1}, with weight p~_c W_{c-1} / W_c
//
// Choices that request.min_weight skips are left out of these sums, and the p~ of the others stay as they are. Where m
// is the p~ that an input's skipped choices have together, its term of an element of F loses at least 0 and at most
// m max g_c^2 over them; in choices mode the bound is m max (g_c - G)^2, where G is the mean of g under p~ over the
// choices that are kept. The sampled mode draws from all choices and takes no min_weight.
//
// Throws INVALID_ARGUMENT for draws or a min_weight that do not fit the mode or the batch, and for an input without
// choices. probabilities: [choices].
std::vector<GradientTerm> fisher_terms(const Batch& batch, const FisherRequest& request,
                                       const std::vector<double>& probabilities);

}  // namespace dfmerge
