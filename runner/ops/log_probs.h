// Log-probabilities of the next token, as the capture stores them.
#ifndef RUNNER_OPS_LOG_PROBS_H_
#define RUNNER_OPS_LOG_PROBS_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/statusor.h"

namespace forensics::runner {

// Logits are [rows, vocab] in f32, bf16 or f16. A log-probability is computed in double from the
// logit's exact value (log-softmax over the vocabulary, summed in sixteen fixed lanes) and rounded
// once to float32. A row with a NaN has NaN for all its log-probabilities.
//
// Order is by logit, descending, ties by lower id; NaN counts as the largest (as in torch.topk).

struct TopTokens {
  at::Tensor ids;        // [rows, k] int64
  at::Tensor log_probs;  // [rows, k] float32, descending
};

// InvalidArgument unless logits have two dimensions and 1 <= k <= vocab.
absl::StatusOr<TopTokens> TopLogProbs(const at::Tensor& logits, int64_t k);

// The log-probabilities at ids [rows, k] int64 -> [rows, k] float32. InvalidArgument if the rows
// differ or an id is outside the vocabulary.
absl::StatusOr<at::Tensor> LogProbsAt(const at::Tensor& logits, const at::Tensor& ids);

// The id of the largest logit of each row: [rows]. InvalidArgument for an empty vocabulary.
absl::StatusOr<std::vector<int64_t>> ArgMax(const at::Tensor& logits);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_LOG_PROBS_H_
