// What running a configuration needs of a model beside its forward passes.
#ifndef RUNNER_ENGINE_RUNNABLE_MODEL_H_
#define RUNNER_ENGINE_RUNNABLE_MODEL_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/engine/language_model.h"
#include "schema/run.pb.h"

namespace forensics::runner {

class RunnableModel : public LanguageModel {
 public:
  // Called after each loaded layer with the layers done and their total.
  using LoadProgress = std::function<void(int64_t done, int64_t total)>;

  virtual const Checkpoint& checkpoint() const = 0;

  // Before LoadWeights: ResourceExhausted, with all figures, where the machine's memory cannot hold
  // what a run of so much takes.
  virtual absl::Status CheckMemory(int64_t /*batch*/, int64_t /*prompt_tokens*/,
                                   int64_t /*capacity*/) const {
    return absl::OkStatus();
  }

  // Before the first Reset. Work that turns out to be done already needs no weights.
  virtual absl::Status LoadWeights(const LoadProgress& progress) = 0;
  virtual bool HasWeights() const = 0;

  // Which kernels run, for the manifest.
  virtual absl::StatusOr<std::map<std::string, std::string>> Settings() const = 0;

  // Which part of the signals this rank holds; none where it holds all.
  virtual std::optional<schema::SignalPart> Part() const { return std::nullopt; }
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_RUNNABLE_MODEL_H_
