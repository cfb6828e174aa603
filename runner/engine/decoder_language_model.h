// The decoder behind the generation loop's interface: the one seam at which libtorch's exceptions
// become Status (torch_errors.h).
#ifndef RUNNER_ENGINE_DECODER_LANGUAGE_MODEL_H_
#define RUNNER_ENGINE_DECODER_LANGUAGE_MODEL_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/engine/runnable_model.h"
#include "runner/model/decode_graph.h"
#include "runner/model/decoder_model.h"
#include "runner/parallel/communicator.h"
#include "schema/experiment.pb.h"
#include "schema/run.pb.h"

namespace forensics::runner {

// What a configuration leaves open.
struct ModelChoices {
  std::string compiled_packages;  // folder for config.compile(): runner/compile/package_index.h
  bool decode_graph = true;       // see ModelOptions
};

class DecoderLanguageModel : public RunnableModel {
 public:
  // The model as `config` says, of a run of many ranks this one's part, with everything settled but
  // no weight loaded; checkpoint and `ranks` must outlive it. On a GPU, it has been started.
  // InvalidArgument for a value of an axis that this build does not have, naming axis and value. A
  // rank that is lost later is Aborted.
  static absl::StatusOr<std::unique_ptr<DecoderLanguageModel>> Create(
      const Checkpoint& checkpoint, const schema::RunConfig& config, const ModelChoices& choices,
      Communicator& ranks);

  absl::Status LoadWeights(const LoadProgress& progress) override;
  const Checkpoint& checkpoint() const override { return checkpoint_; }
  bool HasWeights() const override { return model_ != nullptr; }

  absl::Status Reset(int64_t batch, int64_t capacity) override;
  absl::StatusOr<at::Tensor> Forward(const TokenBatch& tokens, int64_t logits_to_keep,
                                     Observer* observer) override;

  absl::StatusOr<std::map<std::string, std::string>> Settings() const override;
  std::optional<schema::SignalPart> Part() const override;

 private:
  DecoderLanguageModel(const Checkpoint& checkpoint, ModelOptions options)
      : checkpoint_(checkpoint), options_(std::move(options)) {}

  bool OnGpu() const { return options_.device.is_cuda(); }
  absl::Status MakeGraph();
  absl::StatusOr<at::Tensor> DecodeByGraph(const at::Tensor& ids, Observer* observer);

  const Checkpoint& checkpoint_;
  const ModelOptions options_;
  std::unique_ptr<DecoderModel> model_;  // null until LoadWeights
  std::optional<KvCache> cache_;
  std::unique_ptr<DecodeGraph> graph_;  // of cache_; null where the model has none
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_DECODER_LANGUAGE_MODEL_H_
