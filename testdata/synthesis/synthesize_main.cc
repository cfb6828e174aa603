// bazel run //testdata:synthesize_checkpoint: a random checkpoint in a published format.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/engine/progress.h"
#include "schema/command_line.h"
#include "schema/standard_output.h"
#include "testdata/synthesis/checkpoint_text.h"
#include "testdata/synthesis/synthesize.h"

ABSL_FLAG(std::string, config, "qwen3_30b_a3b",
          "the model's dimensions: qwen3_30b_a3b, or the path of a config.json");
ABSL_FLAG(std::string, quant, "awq", "how linear layers are stored: awq, gptq, bnb or none");
ABSL_FLAG(std::string, output, "", "the directory to write to: a new or an empty one");
ABSL_FLAG(uint64_t, seed, 0, "another seed gives other weights; the same one the same bytes");
ABSL_FLAG(int, threads, 0, "threads to compute and write with; 0: as many as there are processors");
ABSL_FLAG(bool, dry_run, false, "print what would be written, and write nothing");

namespace forensics::synthesis {
namespace {

constexpr char kUsage[] = R"(Writes a checkpoint of random weights, in the files of a published one.

The names, shapes and dtypes are those of QuixiAI/Qwen3-30B-A3B-AWQ (awq),
Qwen/Qwen3-30B-A3B-GPTQ-Int4 (gptq), unsloth/Qwen3-30B-A3B-bnb-4bit (bnb) or Qwen/Qwen3-30B-A3B
(none). The weights have a trained model's statistics: activations stay finite and of its size
through all layers, routing and attention are uneven. The text that it generates has no meaning.

Every byte follows from config, quant and seed alone: any machine and number of threads gives the
same checkpoint, with the digest that is printed at the end and that manifests hold. Of
qwen3_30b_a3b with seed 0 it is
  awq   b0d9f8af2517b44c05d570f32475fe7d788a411b924379b2671d510444e348ed
  gptq  5ff9fb62c2ccf70fe15cee646fcc86ec6dd59a38928757768adad831bfcd8413
  bnb   fa212d388e9ce3e756f810029af12f61c32d6f0ec08c4537474d669745b32974

  synthesize_checkpoint --output=/models/synthetic-awq
  synthesize_checkpoint --quant=bnb --output=/models/synthetic-bnb --seed=1
  synthesize_checkpoint --config=small/config.json --quant=gptq --output=small-gptq
  synthesize_checkpoint --quant=none --dry_run

Exit codes: 0 done; 1 failed, and nothing is left of it; 2 wrong usage.)";

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string Gigabytes(int64_t bytes) { return absl::StrFormat("%.2f GB", bytes * 1e-9); }

void PrintPlan(const CheckpointPlan& plan) {
  for (const Shard& shard : plan.shards) {
    std::cout << absl::StrFormat("%-34s %7d tensors %14d bytes\n", shard.file_name,
                                 shard.tensors.size(), shard.file_bytes);
  }
  for (const auto& [name, text] : plan.text_files) {
    std::cout << absl::StrFormat("%-34s %7s         %14d bytes\n", name, "", text.size());
  }
  std::cout << plan.tensors() << " tensors, " << Gigabytes(plan.bytes()) << "\n";
}

int Threads() {
  const int threads = absl::GetFlag(FLAGS_threads);
  return threads > 0 ? threads
                     : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

absl::Status Write(const CheckpointPlan& plan, const std::string& directory) {
  constexpr int64_t kUnit = 1'000'000;
  runner::Progress progress = runner::Progress::ForStderr();
  progress.Begin("writing weights", plan.bytes() / kUnit, "MB");
  const Clock::time_point begin = Clock::now();
  absl::Status status = WriteCheckpoint(
      plan, directory, Threads(), [&progress](int64_t bytes) { progress.Done(bytes / kUnit); });
  if (!status.ok()) {
    progress.Abandon();
    return status;
  }
  progress.End();
  const double seconds = SecondsSince(begin);
  std::cout << plan.tensors() << " tensors, " << Gigabytes(plan.bytes()) << " in "
            << plan.shards.size() << " files, "
            << absl::StrFormat("%.1f s, %.2f GB/s\n", seconds, plan.bytes() * 1e-9 / seconds);
  return absl::OkStatus();
}

// Opens what was written, as a runner does.
absl::Status PrintDigest(const std::string& directory) {
  const Clock::time_point begin = Clock::now();
  const auto checkpoint = runner::Checkpoint::Open(directory);
  if (!checkpoint.ok()) return checkpoint.status();
  const auto digest = (*checkpoint)->Digest();
  if (!digest.ok()) return digest.status();
  std::cout << absl::StrFormat("opened and hashed in %.1f s\n", SecondsSince(begin))
            << "digest     " << *digest << "\ndirectory  " << directory << "\n";
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    return schema::UsageError(absl::StrCat("unexpected argument '", arguments[0], "'"));
  }
  const std::string directory = schema::UserPath(absl::GetFlag(FLAGS_output));
  const bool dry_run = absl::GetFlag(FLAGS_dry_run);
  if (directory.empty() && !dry_run) return schema::UsageError("--output=DIR is needed");
  if (absl::GetFlag(FLAGS_threads) < 0) return schema::UsageError("--threads: expected 0 or more");
  const std::string config = absl::GetFlag(FLAGS_config);
  auto files = ComposeTextFiles(absl::EndsWith(config, ".json") ? schema::UserPath(config) : config,
                                absl::GetFlag(FLAGS_quant));
  if (!files.ok()) return files.status();
  const auto plan = PlanCheckpoint(*std::move(files), absl::GetFlag(FLAGS_seed));
  if (!plan.ok()) return plan.status();
  if (dry_run) {
    PrintPlan(*plan);
    return schema::FlushStandardOutput();
  }
  absl::Status status = Write(*plan, directory);
  if (status.ok()) status = PrintDigest(directory);
  if (status.ok()) status = schema::FlushStandardOutput();
  return status;
}

}  // namespace
}  // namespace forensics::synthesis

int main(int argc, char** argv) {
  using namespace forensics;
  const std::vector<std::string> arguments =
      schema::ParseCommandLineOrExit(synthesis::kUsage, argc, argv);
  return schema::ReportAndExitCode("synthesize_checkpoint", synthesis::Run(arguments));
}
