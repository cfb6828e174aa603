#include "runner/model_source.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/engine/model_info.h"
#include "runner/experiment_spec.h"
#include "runner/tokenizer/tokenizer.h"

namespace forensics::runner {
namespace {

// "6023 ids, 17 at place 4": the length, and what stands where the two part.
std::string Describe(const std::vector<int64_t>& ids, size_t place) {
  const std::string length = absl::StrCat(ids.size(), " ids");
  return place < ids.size() ? absl::StrCat(length, ", ", ids[place], " at place ", place) : length;
}

}  // namespace

absl::StatusOr<std::string> ModelSource::DirectoryOf(const std::string& quant_method) const {
  if (quant_method == spec_.reference_config().quant_method()) return options_.model;
  const auto found = options_.quantized_models.find(quant_method);
  if (found == options_.quantized_models.end()) {
    return absl::InvalidArgumentError(absl::StrCat("quant_method ", quant_method,
                                                   ": there is no flag that names its checkpoint"));
  }
  if (found->second.empty()) {
    return absl::UnavailableError(absl::StrCat("no ", quant_method, " checkpoint to go with ",
                                               options_.model, "; name one with --model_",
                                               quant_method, "=DIR"));
  }
  return found->second;
}

absl::Status ModelSource::CheckFormat(const std::string& quant_method) const {
  const bool is_reference = quant_method == spec_.reference_config().quant_method();
  if (is_reference && !ComparesFormats(spec_)) return absl::OkStatus();
  const std::string found = QuantMethodName(open_->config().quant.method);
  if (found == quant_method) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(open_->directory(), ": expected a checkpoint in ",
                                                 quant_method, " format, found ", found));
}

absl::StatusOr<const Checkpoint*> ModelSource::Open(const std::string& quant_method) {
  absl::StatusOr<std::string> directory = DirectoryOf(quant_method);
  if (!directory.ok()) return directory.status();
  if (open_ == nullptr || open_->directory() != *directory) {
    open_.reset();  // before the next one is mapped
    absl::StatusOr<std::unique_ptr<Checkpoint>> checkpoint = Checkpoint::Open(*directory);
    if (!checkpoint.ok()) return checkpoint.status();
    open_ = *std::move(checkpoint);
  }
  if (absl::Status status = CheckFormat(quant_method); !status.ok()) return status;
  return open_.get();
}

absl::Status CheckReadsPrompt(const std::string& directory, int64_t vocab_size,
                              const schema::PromptInfo& prompt, const RunnerOptions& options) {
  for (const int64_t id : prompt.token_ids()) {
    if (id >= vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat(directory, ": its vocabulary has ", vocab_size,
                                                     " entries, but the prompt has id ", id));
    }
  }
  // Ids that were given replace the tokenizer: their text need not read back to them.
  if (directory == options.model || !options.prompt_tokens.empty()) return absl::OkStatus();
  auto tokenizer = Tokenizer::FromFile(directory + "/tokenizer.json");
  if (!tokenizer.ok()) return tokenizer.status();
  const absl::StatusOr<std::vector<int64_t>> here = (*tokenizer)->Encode(prompt.text());
  if (!here.ok()) return here.status();
  const std::vector<int64_t> there(prompt.token_ids().begin(), prompt.token_ids().end());
  if (*here == there) return absl::OkStatus();
  const auto parted = std::mismatch(here->begin(), here->end(), there.begin(), there.end());
  const auto place = static_cast<size_t>(parted.first - here->begin());
  return absl::InvalidArgumentError(absl::StrCat(
      directory, "/tokenizer.json: gives other ids for the prompt than ", options.model,
      "/tokenizer.json: ", Describe(*here, place), "; expected ", Describe(there, place)));
}

}  // namespace forensics::runner
