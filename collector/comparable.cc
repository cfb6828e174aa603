#include "collector/comparable.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace forensics::collector {
namespace {

using schema::RunManifest;

absl::Status Differ(const std::string& field, const std::string& value_a, const Run& a,
                    const std::string& value_b, const Run& b) {
  return absl::FailedPreconditionError(absl::StrCat(field, " differs: ", value_a, " in ",
                                                    a.directory.path(), ", ", value_b, " in ",
                                                    b.directory.path()));
}

using Fields = std::vector<std::pair<std::string, std::string>>;

// What all runs of a file have in common.
Fields CommonFields(const RunManifest& manifest) {
  const schema::ModelInfo& model = manifest.model();
  const schema::ExtractionConfig& extraction = manifest.extraction();
  return {{"prompt (SHA-256 of its token ids)", manifest.prompt().token_ids_sha256()},
          {"hidden_size", absl::StrCat(model.hidden_size())},
          {"key_size", absl::StrCat(model.key_size())},
          {"num_hidden_layers", absl::StrCat(model.num_hidden_layers())},
          {"extraction.layers", absl::StrJoin(extraction.layers(), ",")},
          {"extraction.window", absl::StrCat(extraction.window())},
          {"extraction.top_k_logprobs", absl::StrCat(extraction.top_k_logprobs())},
          {"decode_steps", absl::StrCat(manifest.decode_steps())}};
}

absl::Status CheckFields(const Run& a, const Fields& of_a, const Run& b, const Fields& of_b) {
  for (size_t i = 0; i < of_a.size(); ++i) {
    if (of_a[i].second != of_b[i].second) {
      return Differ(of_a[i].first, of_a[i].second, a, of_b[i].second, b);
    }
  }
  return absl::OkStatus();
}

// How the experiment is defined; the reference's own manifest has another experiment.
Fields Definition(const RunManifest& manifest) {
  const schema::ExperimentSpec& spec = manifest.experiment();
  return {{"experiment.variable", spec.variable()},
          {"experiment.output_file", spec.output_file()},
          {"experiment.reference", spec.reference().ShortDebugString()}};
}

}  // namespace

absl::Status CheckSameExperiment(const std::vector<const Run*>& runs) {
  std::map<std::string, const Run*> of_quantization;
  std::map<std::string, const Run*> of_experiment;
  for (const Run* run : runs) {
    const Run& first = *runs.front();
    const Run& model =
        *of_quantization.emplace(run->manifest.config().quant_method(), run).first->second;
    const Run& sibling =
        *of_experiment.emplace(run->manifest.experiment().name(), run).first->second;
    absl::Status status =
        CheckFields(first, CommonFields(first.manifest), *run, CommonFields(run->manifest));
    if (status.ok() && model.manifest.model().digest() != run->manifest.model().digest()) {
      status = Differ("model digest", model.manifest.model().digest(), model,
                      run->manifest.model().digest(), *run);
    }
    if (status.ok()) {
      status = CheckFields(sibling, Definition(sibling.manifest), *run, Definition(run->manifest));
    }
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckSameDecoding(const Run* reference, const std::vector<const Run*>& variants) {
  const auto mode = [](const Run& run) {
    return std::string(run.manifest.decoding().forced() ? "forced" : "free");
  };
  const auto fed = [](const Run& run) {
    const schema::DecodingInfo& decoding = run.manifest.decoding();
    return absl::StrCat("the tokens of ", decoding.reference_config_id(), " on ",
                        decoding.reference_hardware(), " (signals ",
                        decoding.reference_signals_sha256(), ")");
  };
  const auto source = [](const Run& run) {
    return run.manifest.decoding().reference_signals_sha256();
  };
  for (const Run* run : variants) {
    const Run& first = *variants.front();
    if (mode(first) != mode(*run)) {
      return Differ("decoding", mode(first), first, mode(*run), *run);
    }
    if (mode(*run) == "free") continue;
    if (reference == nullptr) {
      if (source(first) != source(*run)) {
        return Differ("decoding reference", fed(first), first, fed(*run), *run);
      }
    } else if (source(*run) != reference->SignalsDigest() && source(*run) != source(*reference)) {
      return Differ("decoding reference", fed(*run), *run,
                    absl::StrCat("signals ", reference->SignalsDigest()), *reference);
    }
  }
  return absl::OkStatus();
}

}  // namespace forensics::collector
