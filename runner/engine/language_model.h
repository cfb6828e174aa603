// What the generation loop needs of a model: the seam between orchestration and libtorch.
#ifndef RUNNER_ENGINE_LANGUAGE_MODEL_H_
#define RUNNER_ENGINE_LANGUAGE_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/capture/observer.h"

namespace forensics::runner {

// Sequences of equal length, side by side: [batch][tokens].
using TokenBatch = std::vector<std::vector<int64_t>>;

class LanguageModel {
 public:
  virtual ~LanguageModel() = default;

  // A fresh state: an empty cache for `batch` sequences of up to `capacity` tokens; what the
  // previous one held is released.
  virtual absl::Status Reset(int64_t batch, int64_t capacity) = 0;

  // Appends `tokens` to the sequences and returns the logits of the last `logits_to_keep` of them,
  // [batch, logits_to_keep, vocab_size]. Blocks until they are computed. `observer` may be null.
  virtual absl::StatusOr<at::Tensor> Forward(const TokenBatch& tokens, int64_t logits_to_keep,
                                             Observer* observer) = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_LANGUAGE_MODEL_H_
