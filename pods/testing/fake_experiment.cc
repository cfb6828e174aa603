// A runner that makes its signals up: the orchestrator's tests start it as exp0 to exp8.
//
// As the real one it keeps finished runs, and leaves finished ones or none. A file of its name in
// the folder $FAKE_FAULTS plants a fault: its first word says which, a second one, "always", that
// it stays; else it is used up.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "schema/checkpoint_digest.h"
#include "schema/command_line.h"
#include "schema/digest.h"
#include "schema/run_directory.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::pods {
namespace {

using schema::RunDirectory;
using schema::RunManifest;

constexpr int kMilliseconds = 1000;
constexpr int kWork = 8 * kMilliseconds;  // of one run, in microseconds

// {flag: value}; nothing is refused.
std::map<std::string, std::string> Flags(int argc, char** argv) {
  std::map<std::string, std::string> flags;
  for (int i = 1; i < argc; ++i) {
    const std::pair<std::string, std::string> flag =
        absl::StrSplit(absl::StripPrefix(argv[i], "--"), absl::MaxSplits('=', 1));
    flags.insert(flag);
  }
  return flags;
}

std::string TakeFault(const std::string& name) {
  const char* folder = std::getenv("FAKE_FAULTS");
  if (folder == nullptr) return "";
  const std::string path = absl::StrCat(folder, "/", name);
  std::string kind, how_long;
  std::ifstream(path) >> kind >> how_long;
  std::error_code ignored;
  if (how_long != "always") std::filesystem::remove(path, ignored);
  return kind;
}

int Fail(const std::string& message, int code) {
  std::cerr << message << "\n";
  return code;
}

schema::SyntheticRun Describe(int id, std::map<std::string, std::string>& flags) {
  schema::SyntheticRun run;
  run.experiment = schema::SyntheticExperiment(
      id == 0 ? "reference" : schema::SyntheticExperimentNames()[id - 1]);
  run.experiment.set_id(id);
  run.experiment.mutable_reference_config()->set_device(flags["device"]);
  int tokens = 0;
  if (absl::SimpleAtoi(flags["document_tokens"], &tokens)) {
    run.experiment.mutable_prompt()->set_document_tokens(tokens);
  }
  if (!flags["hardware"].empty()) run.hardware = flags["hardware"];
  if (run.hardware == "H100") run.noise = 1e-2;
  return run;
}

// Of the checkpoint in this folder, all of whose weights it loads.
std::string DigestOf(const std::string& folder) {
  std::map<std::string, std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!schema::IsCheckpointFile(name)) continue;
    files[name] = schema::Sha256HexOfFile(entry.path().string()).value_or("");
  }
  return schema::CheckpointDigest(files);
}

// The run states the digest of the model that it was given, if any.
void Load(const std::string& folder, schema::SyntheticRun& run) {
  run.edit_manifest = [folder](RunManifest& manifest) {
    if (!folder.empty()) manifest.mutable_model()->set_digest(DigestOf(folder));
  };
}

absl::Status Write(schema::SyntheticRun& run, const std::string& results) {
  const schema::VariantSpec& variant = run.experiment.variants().empty()
                                           ? run.experiment.reference()
                                           : run.experiment.variants(run.variant);
  const RunDirectory directory(
      results, run.hardware,
      absl::StrCat(schema::ShortHardware(run.hardware), "_", variant.config_suffix()));
  if (directory.IsFinished()) return absl::OkStatus();
  usleep(kWork);
  return schema::WriteSyntheticRun(run, results).status();
}

absl::Status RunAll(int id, schema::SyntheticRun run, std::map<std::string, std::string>& flags) {
  const std::string& results = flags["output"];
  Load(flags["model"], run);
  if (id == 0) return Write(run, results);
  const RunDirectory reference(results, run.hardware,
                               schema::ShortHardware(run.hardware) + "_reference");
  const absl::StatusOr<RunManifest> manifest = reference.ReadManifest();
  if (!manifest.ok()) return manifest.status();
  run.reference = &*manifest;
  const std::vector<std::string> only = absl::StrSplit(flags["only"], ',', absl::SkipEmpty());
  for (run.variant = 0; run.variant < run.experiment.variants_size(); ++run.variant) {
    const std::string& suffix = run.experiment.variants(run.variant).config_suffix();
    if (!only.empty() && std::find(only.begin(), only.end(), suffix) == only.end()) continue;
    const std::string& quantised = flags["model_" + suffix];
    Load(quantised.empty() ? flags["model"] : quantised, run);
    run.noise_seed = static_cast<uint64_t>(id * 10 + run.variant);
    run.noise = 3e-2;
    if (absl::Status status = Write(run, results); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// The progress of what still ran when the reason was said.
int EndAmongProgress(int exit_code) {
  for (int i = 0; i < 50; ++i)
    std::cerr << "decode  " << i << "/99 tokens  1:00:00 elapsed, 0:09 left\n";
  return exit_code;
}

int Main(int argc, char** argv) {
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  const int id = name.back() - '0';
  std::map<std::string, std::string> flags = Flags(argc, argv);
  if (flags.count("help") > 0) return schema::kExitDone;
  schema::SyntheticRun run = Describe(id, flags);
  const bool is_trial = absl::StrContains(flags["output"], "/trial/");
  const std::string fault = TakeFault(is_trial ? "trial" : name);
  if (fault == "signal") raise(SIGSEGV);
  if (fault == "hang") pause();
  if (fault == "memory") {
    std::cerr << "CUDA out of memory\n";
    return EndAmongProgress(schema::kExitFailed);
  }
  if (fault == "disk") return Fail("rep_0.shard: write: No space left on device", 1);
  if (fault == "fail") return Fail("it cannot be", schema::kExitFailed);
  if (fault == "flip") run.reproducible = false;
  const absl::Status status = RunAll(id, run, flags);
  if (!status.ok()) return Fail(std::string(status.message()), schema::kExitFailed);
  if (fault == "flip") return Fail("NOT bit-identical", schema::kExitNotReproducible);
  if (fault == "missing") {
    std::cerr << "not run: tp4: needs 4 GPUs, 30 s elapsed\n";
    return EndAmongProgress(schema::kExitIncomplete);
  }
  return schema::kExitDone;
}

}  // namespace
}  // namespace forensics::pods

int main(int argc, char** argv) { return forensics::pods::Main(argc, argv); }
