#include "runner/reference_run.h"

#include "absl/strings/str_cat.h"
#include "runner/engine/session.h"
#include "schema/run_directory.h"

namespace forensics::runner {

absl::StatusOr<ReferenceRun> ReadReferenceRun(const std::string& path) {
  const schema::RunDirectory directory(path);
  if (!directory.IsFinished()) {
    return absl::NotFoundError(absl::StrCat(
        path,
        ": no finished reference run here; make one with `bazel run //runner:exp0`, or name "
        "one with --reference=RUN_DIRECTORY"));
  }
  absl::StatusOr<schema::RunManifest> manifest = directory.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  if (!manifest->reproducible()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is not reproducible, so it cannot be a reference"));
  }
  absl::StatusOr<schema::Repetition> repetition = ReadSignals(directory, *manifest);
  if (!repetition.ok()) return repetition.status();
  return ReferenceRun{*std::move(manifest), *std::move(repetition)};
}

absl::Status CheckReference(const ReferenceRun& reference, const schema::PromptInfo& prompt,
                            int64_t vocab_size, int decode_steps) {
  const auto differs = [&](absl::string_view what, const auto& of_reference, const auto& here) {
    return absl::FailedPreconditionError(
        absl::StrCat("the reference ", reference.manifest.config_id(), " has another ", what, ": ",
                     of_reference, ", this run has ", here));
  };
  const schema::PromptInfo& other = reference.manifest.prompt();
  if (other.token_ids_sha256() != prompt.token_ids_sha256()) {
    return differs("prompt",
                   absl::StrCat(other.token_ids_size(), " tokens, SHA-256 ",
                                other.token_ids_sha256().substr(0, 16)),
                   absl::StrCat(prompt.token_ids_size(), " tokens, SHA-256 ",
                                prompt.token_ids_sha256().substr(0, 16)));
  }
  if (reference.manifest.model().vocab_size() != vocab_size) {
    return differs("vocabulary", reference.manifest.model().vocab_size(), vocab_size);
  }
  if (static_cast<int>(reference.repetition.steps.size()) < decode_steps) {
    return differs("number of steps", reference.repetition.steps.size(), decode_steps);
  }
  return absl::OkStatus();
}

absl::Status CheckReferenceFormat(const ReferenceRun& reference, const std::string& quant_method) {
  const std::string& found = reference.manifest.config().quant_method();
  if (found == quant_method) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "the reference ", reference.manifest.config_id(), " ran ", reference.manifest.model().name(),
      ": expected a checkpoint in ", quant_method, " format, found ", found));
}

}  // namespace forensics::runner
