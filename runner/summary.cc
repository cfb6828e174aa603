#include "runner/summary.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "runner/capture/repetition_comparison.h"
#include "schema/run_directory.h"
#include "schema/run_times.h"

namespace forensics::runner {
namespace {

std::string DecodingText(const schema::RunManifest& manifest) {
  const schema::DecodingInfo& decoding = manifest.decoding();
  if (!decoding.forced()) return "free (greedy)";
  std::string text = absl::StrCat("forced to the tokens of ", decoding.reference_config_id());
  if (decoding.first_departure() < 0) return text + "; its own choices agree throughout";
  return absl::StrCat(text, "; its own choice first departs at step ", decoding.first_departure());
}

const char* Verdict(const schema::RunManifest& manifest) {
  if (!manifest.reproducible()) return "NOT bit-identical";
  return manifest.repetitions_size() > 1 ? "bit-identical" : "so reproducibility is not verifiable";
}

double MeanRunTime(const schema::RunManifest& manifest) {
  std::vector<double> seconds;
  for (const schema::RepetitionSummary& repetition : manifest.repetitions()) {
    seconds.push_back(repetition.runtime_seconds());
  }
  return schema::MeanAndVariance(seconds).mean_seconds;
}

std::string PromptText(const schema::RunManifest& manifest) {
  std::string text = absl::StrCat(manifest.prompt().token_ids_size(), " tokens, SHA-256 ",
                                  manifest.prompt().token_ids_sha256().substr(0, 16));
  if (manifest.neighbours().empty()) return text;
  std::vector<std::string> documents;
  for (const schema::NeighbourInfo& neighbour : manifest.neighbours()) {
    documents.push_back(neighbour.document());
  }
  return absl::StrCat(text, "; beside ", absl::StrJoin(documents, ", "), ", as long");
}

// Means over the repetitions.
std::string LoadText(const schema::RunManifest& manifest) {
  double utilisation = 0, overlap = 0;
  for (const schema::RepetitionSummary& repetition : manifest.repetitions()) {
    const schema::BackgroundLoad& load = repetition.background_load();
    utilisation += load.utilisation() / manifest.repetitions_size();
    overlap += load.overlap_seconds() / load.inference_seconds() / manifest.repetitions_size();
  }
  const schema::BackgroundLoad& load = manifest.repetitions().rbegin()->background_load();
  return absl::StrFormat("%d %s, %.0f%% of %s time (asked for: %.0f%%), beside %.1f%% of inference",
                         load.workers(), load.workers() == 1 ? "worker" : "workers",
                         100 * utilisation,
                         manifest.config().device() == "cuda" ? "the GPU's" : "the processors'",
                         100 * load.target_utilisation(), 100 * overlap);
}

}  // namespace

std::string Summarize(const schema::RunManifest& manifest, const std::string& path,
                      const schema::RunManifest* reference) {
  std::vector<double> total, prefill, decode;
  for (const schema::RepetitionSummary& repetition : manifest.repetitions()) {
    total.push_back(repetition.runtime_seconds());
    prefill.push_back(repetition.prefill_seconds());
    decode.push_back(repetition.decode_seconds());
  }
  const schema::RunTimes times = schema::MeanAndVariance(total);
  const double prefill_mean = schema::MeanAndVariance(prefill).mean_seconds;
  const double decode_mean = schema::MeanAndVariance(decode).mean_seconds;
  const int sequences = 1 + manifest.neighbours_size();
  const int prompt_tokens = manifest.prompt().token_ids_size();

  std::string text = absl::StrCat(manifest.config_id(), "\n");
  const auto line = [&text](const char* name, const std::string& value) {
    absl::StrAppendFormat(&text, "  %-14s %s\n", name, value);
  };
  line("hardware", manifest.hardware());
  line("model", absl::StrCat(manifest.model().name(), ", ", manifest.config().dtype(), ", ",
                             manifest.config().attention_impl()));
  line("prompt", PromptText(manifest));
  line("decoding", DecodingText(manifest));
  line("repetitions", absl::StrCat(manifest.repetitions_size(), ", ", Verdict(manifest)));
  if (!manifest.repetitions().empty()) {
    line("signals", "SHA-256 " + manifest.repetitions().rbegin()->signals_sha256());
  }
  line("run time",
       absl::StrFormat("mean %.3f s, variance %.3g s^2", times.mean_seconds, times.variance));
  if (prefill_mean > 0) {
    line("prefill", absl::StrFormat("%.0f tokens/s", sequences * prompt_tokens / prefill_mean));
  }
  if (decode_mean > 0 && manifest.decode_steps() > 1) {
    line("decode",
         absl::StrFormat("%.1f tokens/s", sequences * (manifest.decode_steps() - 1) / decode_mean));
  }
  if (manifest.config().concurrent_work() && !manifest.repetitions().empty()) {
    line("concurrent", LoadText(manifest));
    if (reference != nullptr && MeanRunTime(*reference) > 0) {
      line("slowdown",
           absl::StrFormat("%.2f times the run time of %s",
                           times.mean_seconds / MeanRunTime(*reference), reference->config_id()));
    }
  }
  if (manifest.other_shapes_size() > 0) {
    line("kernels", absl::StrCat(manifest.other_shapes_size(),
                                 " saw another shape than in the reference's run; see manifest"));
  }
  line("directory", path);
  if (manifest.has_first_difference()) {
    absl::StrAppend(&text, DescribeDifference(manifest.first_difference()));
  }
  return text;
}

std::string NextCommand(const schema::RunManifest& manifest, const std::string& results) {
  const std::string argument =
      results == schema::kResultsFolder ? "" : absl::StrCat(" -- ", results);
  if (!manifest.reproducible()) {
    return absl::StrCat("bazel run //schema:inspect -- ", results);
  }
  return absl::StrCat("bazel run //collector:fuse", argument);
}

}  // namespace forensics::runner
