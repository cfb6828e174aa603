// A model computed on the CPU in the arithmetic of a Hopper GPU, kernel by kernel: what
// DecoderLanguageModel computes on that GPU in bfloat16 with flash attention and its captured
// decode step, the same bits.
#ifndef RUNNER_ENGINE_EMULATED_LANGUAGE_MODEL_H_
#define RUNNER_ENGINE_EMULATED_LANGUAGE_MODEL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/engine/runnable_model.h"
#include "runner/model/emulated_weights.h"
#include "runner/ops/tensor_core/dot_add.h"

namespace forensics::runner {

// Hardware labels of emulated GPUs begin so: "emulated:H100".
inline constexpr char kEmulatedPrefix[] = "emulated:";

// The GPU that a hardware label asks to emulate; none for a label without the prefix. NotFound,
// with those that there are, for one that is not known.
absl::StatusOr<std::optional<TensorCore>> EmulatedGpu(const std::string& hardware);

class EmulatedLanguageModel : public RunnableModel {
 public:
  // `checkpoint` must outlive the model. Unavailable, naming axis and value, for what is not
  // emulated: anything but bfloat16, one sequence, flash_attention_2, one rank, no compilation, no
  // concurrent work; and for what EmulatedWeights::Check refuses.
  static absl::StatusOr<std::unique_ptr<EmulatedLanguageModel>> Create(
      const Checkpoint& checkpoint, const schema::RunConfig& config, const TensorCore& core);

  const Checkpoint& checkpoint() const override { return checkpoint_; }
  absl::Status LoadWeights(const LoadProgress& progress) override;
  bool HasWeights() const override { return weights_ != nullptr; }
  absl::StatusOr<std::map<std::string, std::string>> Settings() const override;

  absl::Status Reset(int64_t batch, int64_t capacity) override;

  // A prompt of at least nine tokens first, then one token at a time.
  absl::StatusOr<at::Tensor> Forward(const TokenBatch& tokens, int64_t logits_to_keep,
                                     Observer* observer) override;

 private:
  EmulatedLanguageModel(const Checkpoint& checkpoint, const TensorCore& core)
      : checkpoint_(checkpoint), core_(core) {}

  absl::StatusOr<at::Tensor> Prefill(const std::vector<int64_t>& ids, int64_t logits_to_keep,
                                     Observer* observer);
  absl::StatusOr<at::Tensor> Decode(int64_t id, Observer* observer);
  void Show(int64_t layer, const std::vector<uint16_t>& hidden_states, int64_t tokens,
            Observer* observer) const;

  const Checkpoint& checkpoint_;
  const TensorCore core_;
  std::unique_ptr<EmulatedWeights> weights_;
  int64_t length_ = 0;
  bool has_cache_ = false;
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_EMULATED_LANGUAGE_MODEL_H_
