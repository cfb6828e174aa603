// bazel run //analyzer/testing:write_large_experiment -- FILE: an experiment file of real size.
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/testing/large_experiment.h"
#include "schema/command_line.h"

ABSL_FLAG(std::string, type, "batch_size", "of the experiment, and the variable");
ABSL_FLAG(int, configurations, 2, "values of the variable on each hardware");
ABSL_FLAG(int, hardware, 2, "how many, at most 4");
ABSL_FLAG(int, repetitions, 3, "of each configuration");
ABSL_FLAG(int, stored, 1, "the last so many repetitions have signals");
ABSL_FLAG(bool, identical, true, "false: stored repetitions differ");
ABSL_FLAG(bool, repeat_windows, true, "false: no position repeats another step's bits");

namespace forensics::analyzer {
namespace {

constexpr char kUsage[] =
    R"(Writes an experiment file of real size: five layers, hidden size 2048, keys of 512, 30 steps.

  write_large_experiment FILE [--type=batch_size] [--configurations=2] [--hardware=2]
                         [--repetitions=3] [--stored=1] [--identical=false]
                         [--repeat_windows=false]

  bazel run //analyzer/testing:write_large_experiment -- large.json --configurations=50

Exit code: 0 done; 1 the file cannot be written; 2 wrong usage.
)";

int Run(int argc, char** argv) {
  const std::vector<std::string> positional = schema::ParseCommandLineOrExit(kUsage, argc, argv);
  LargeExperiment shape;
  shape.type = absl::GetFlag(FLAGS_type);
  shape.configurations = absl::GetFlag(FLAGS_configurations);
  shape.hardware = absl::GetFlag(FLAGS_hardware);
  shape.repetitions = absl::GetFlag(FLAGS_repetitions);
  shape.stored = absl::GetFlag(FLAGS_stored);
  shape.identical_repetitions = absl::GetFlag(FLAGS_identical);
  shape.repeat_windows = absl::GetFlag(FLAGS_repeat_windows);
  constexpr char kProgram[] = "write_large_experiment";
  if (positional.size() != 1 || shape.hardware < 1 || shape.hardware > 4) {
    return schema::ReportAndExitCode(
        kProgram, schema::UsageError("expected one file, and from 1 to 4 hardware"));
  }
  const std::string path = schema::UserPath(positional[0]);
  const size_t size = WriteLargeExperiment(shape, path);
  if (size == 0) {
    return schema::ReportAndExitCode(
        kProgram, absl::UnavailableError(absl::StrCat(path, ": cannot be written")));
  }
  std::cout << size << " bytes\n";
  return schema::kExitDone;
}

}  // namespace
}  // namespace forensics::analyzer

int main(int argc, char** argv) { return forensics::analyzer::Run(argc, argv); }
