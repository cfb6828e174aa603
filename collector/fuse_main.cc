// bazel run //collector:fuse -- [RESULTS...] [--output=experiments] [--experiment=NAME,...]
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "collector/fuse.h"
#include "schema/command_line.h"
#include "schema/run_directory.h"
#include "schema/standard_output.h"

ABSL_FLAG(std::string, output, forensics::schema::kExperimentsFolder,
          "folder of the experiment files; relative to where the command is typed");
ABSL_FLAG(std::vector<std::string>, experiment, {},
          "names of experiments to fuse, such as batch_size,compile; without it, all that are "
          "found, the reference's among them");
ABSL_FLAG(bool, allow_non_reproducible, false,
          "take runs whose repetitions differ too: all repetitions are stored, and the "
          "configuration says \"reproducible\": false");

ABSL_FLAG(bool, allow_missing, false,
          "exit with 0 although configurations that an experiment asks for were not run; they are "
          "named all the same");

namespace forensics::collector {
namespace {

constexpr char kProgram[] = "fuse";

constexpr char kUsage[] = R"(Joins run directories into experiment files, one an experiment.

  bazel run //collector:fuse -- [RESULTS...] [--output=experiments] [--experiment=NAME,...]

RESULTS are the runner's results folders, one a machine (default: results). Each file holds the
experiment's runs on every hardware, and the reference's.

Examples:
  bazel run //collector:fuse
  bazel run //collector:fuse -- pod_a100/results pod_h100/results
  bazel run //collector:fuse -- --experiment=batch_size,attention --output=/data/experiments

Exit codes: 0 done; 1 failed; 2 wrong usage; 4 done, but something was missing, damaged or refused
and is named on stderr.
)";

FuseOptions OptionsFromFlags(const std::vector<std::string>& positional) {
  FuseOptions options;
  for (const std::string& path : positional) {
    options.runs.results.push_back(schema::UserPath(path));
  }
  if (positional.empty()) options.runs.results = {schema::UserPath(schema::kResultsFolder)};
  std::set<std::string> seen;
  for (const std::string& name : absl::GetFlag(FLAGS_experiment)) {
    if (seen.insert(name).second) options.runs.experiments.push_back(name);
  }
  options.runs.allow_non_reproducible = absl::GetFlag(FLAGS_allow_non_reproducible);
  options.allow_missing = absl::GetFlag(FLAGS_allow_missing);
  options.output = schema::UserPath(absl::GetFlag(FLAGS_output));
  options.date_created = absl::FormatTime("%Y-%m-%d %H:%M:%S", absl::Now(), absl::UTCTimeZone());
  return options;
}

absl::Status CheckUsage(const FuseOptions& options) {
  if (options.output.empty()) return schema::UsageError("--output is empty");
  for (const std::string& name : options.runs.experiments) {
    if (name.empty()) return schema::UsageError("--experiment has an empty name");
  }
  return absl::OkStatus();
}

// A line on stderr, overwritten on a terminal; in a log no oftener than every few seconds.
Progress ProgressLine() {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  absl::Time last = absl::Now();
  return [terminal, last](const ExperimentPlan& plan, size_t index) mutable {
    if (!terminal && absl::Now() - last < absl::Seconds(5)) return;
    last = absl::Now();
    const std::string line =
        absl::StrFormat("%s: configuration %d of %d (%s)", plan.output_file, index + 1,
                        plan.configurations.size(), plan.configurations[index].config_id);
    std::fprintf(stderr, terminal ? "\r\033[K%s" : "%s\n", line.c_str());
  };
}

std::string SizeText(int64_t bytes) {
  if (bytes >= 1000000000) return absl::StrFormat("%.2f GB", bytes / 1e9);
  if (bytes >= 100000) return absl::StrFormat("%.2f MB", bytes / 1e6);
  return absl::StrFormat("%d bytes", bytes);
}

void PrintSummary(const FuseReport& report, const std::string& output) {
  for (const WrittenFile& file : report.files) {
    std::cout << absl::StrFormat("%-40s %12s  %3d configurations  %3d runs\n",
                                 std::filesystem::path(file.path).filename().string(),
                                 SizeText(file.bytes), file.configurations, file.runs);
  }
  const bool by_default = output == schema::UserPath(schema::kExperimentsFolder);
  const std::string next = schema::AsTypedHere(
      absl::StrCat("bazel run //analyzer:compare", by_default ? "" : absl::StrCat(" -- ", output)));
  std::cout << absl::StrFormat("%d file%s in %s\nNext: %s\n", report.files.size(),
                               report.files.size() == 1 ? "" : "s", output, next);
}

int FuseMain(const std::vector<std::string>& positional) {
  const FuseOptions options = OptionsFromFlags(positional);
  absl::Status usage = CheckUsage(options);
  if (!usage.ok()) return schema::ReportAndExitCode(kProgram, usage);
  const absl::StatusOr<FuseReport> report = Fuse(options, ProgressLine());
  if (isatty(STDERR_FILENO) != 0) std::cerr << "\r\033[K";
  if (!report.ok()) return schema::ReportAndExitCode(kProgram, report.status());
  for (const std::string& note : report->notes) std::cerr << kProgram << ": note: " << note << "\n";
  for (const std::string& problem : report->problems)
    std::cerr << kProgram << ": " << problem << "\n";
  if (report->files.empty()) {
    std::cerr << kProgram << ": no file was written\n";
    return schema::kExitFailed;
  }
  PrintSummary(*report, options.output);
  const absl::Status printed = schema::FlushStandardOutput();
  if (!printed.ok()) return schema::ReportAndExitCode(kProgram, printed);
  return report->problems.empty() ? schema::kExitDone : schema::kExitIncomplete;
}

}  // namespace
}  // namespace forensics::collector

int main(int argc, char** argv) {
  return forensics::collector::FuseMain(
      forensics::schema::ParseCommandLineOrExit(forensics::collector::kUsage, argc, argv));
}
