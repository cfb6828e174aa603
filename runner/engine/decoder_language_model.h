// The decoder behind the generation loop's interface: the one seam at which libtorch's exceptions
// become Status.
#ifndef RUNNER_ENGINE_DECODER_LANGUAGE_MODEL_H_
#define RUNNER_ENGINE_DECODER_LANGUAGE_MODEL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/engine/language_model.h"
#include "runner/model/decoder_model.h"
#include "schema/experiment.pb.h"

namespace forensics::runner {

class DecoderLanguageModel : public LanguageModel {
 public:
  // Loads the weights as `config` says. InvalidArgument for a value of an axis that this build does
  // not have, naming axis and value.
  static absl::StatusOr<std::unique_ptr<DecoderLanguageModel>> Load(
      const Checkpoint& checkpoint, const schema::RunConfig& config,
      const DecoderModel::LoadProgress& progress);

  absl::Status Reset(int64_t batch, int64_t capacity) override;
  absl::StatusOr<at::Tensor> Forward(const TokenBatch& tokens, int64_t logits_to_keep,
                                     Observer* observer) override;

  const DecoderModel& model() const { return *model_; }

 private:
  explicit DecoderLanguageModel(std::unique_ptr<DecoderModel> model) : model_(std::move(model)) {}

  std::unique_ptr<DecoderModel> model_;
  std::optional<KvCache> cache_;
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_DECODER_LANGUAGE_MODEL_H_
