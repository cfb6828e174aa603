// A model computed on the CPU in a GPU's arithmetic, kernel by kernel: what DecoderLanguageModel
// computes on that GPU in bfloat16, the same bits.
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

// The GPU that a hardware label asks to emulate; none for a label of real hardware. NotFound, with
// those that there are, for one that begins with "emulated" in any spelling and is none of them.
absl::StatusOr<std::optional<TensorCore>> EmulatedGpu(const std::string& hardware);

// "emulated:A100, emulated:H100, ...".
std::string EmulatedGpus();

class EmulatedLanguageModel : public RunnableModel {
 public:
  // `checkpoint` must outlive the model. `decode_graph`: whether the GPU would decode by its
  // captured step where it has one. Unavailable, naming axis and value, for what is not emulated:
  // anything but bfloat16, flash_attention_2 or eager, one rank, no compilation, no concurrent
  // work; and for what EmulatedWeights::Check refuses.
  static absl::StatusOr<std::unique_ptr<EmulatedLanguageModel>> Create(
      const Checkpoint& checkpoint, const schema::RunConfig& config, const TensorCore& core,
      bool decode_graph);

  const Checkpoint& checkpoint() const override { return checkpoint_; }
  absl::Status CheckMemory(int64_t batch, int64_t prompt_tokens, int64_t capacity) const override;
  absl::Status LoadWeights(const LoadProgress& progress) override;
  bool HasWeights() const override { return weights_ != nullptr; }
  absl::StatusOr<std::map<std::string, std::string>> Settings() const override;

  absl::Status Reset(int64_t batch, int64_t capacity) override;

  absl::StatusOr<at::Tensor> Forward(const TokenBatch& tokens, int64_t logits_to_keep,
                                     Observer* observer) override;

 private:
  EmulatedLanguageModel(const Checkpoint& checkpoint, const TensorCore& core,
                        EmulatedAttention attention, bool decode_graph)
      : checkpoint_(checkpoint), core_(core), attention_(attention), decode_graph_(decode_graph) {}

  bool DecodesByStep(int64_t batch) const;
  absl::Status CheckTokens(const TokenBatch& tokens, int64_t logits_to_keep) const;
  absl::StatusOr<at::Tensor> ForwardPass(const TokenBatch& tokens, int64_t logits_to_keep,
                                         Observer* observer);
  absl::StatusOr<at::Tensor> DecodeStep(const TokenBatch& tokens, Observer* observer);
  void Show(int64_t layer, const std::vector<uint16_t>& hidden_states, int64_t count,
            Observer* observer) const;

  const Checkpoint& checkpoint_;
  const TensorCore core_;
  const EmulatedAttention attention_;
  const bool decode_graph_;
  std::unique_ptr<EmulatedWeights> weights_;
  int64_t batch_ = 0;  // of the cache; 0: there is none
  int64_t length_ = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_EMULATED_LANGUAGE_MODEL_H_
