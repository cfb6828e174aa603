// bazel run //schema:inspect -- PATH...
#include <iostream>
#include <string>
#include <vector>

#include "schema/command_line.h"
#include "schema/inspect.h"
#include "schema/standard_output.h"

namespace forensics::schema {
namespace {

constexpr char kUsage[] = R"(Shows what the tools keep on disk.

  bazel run //schema:inspect -- PATH...

PATH is a shard, all ranks' shards of a repetition (a name with a star), a run directory or its
manifest, a results folder, an experiment JSON or a folder of them.

Examples:
  bazel run //schema:inspect -- results
  bazel run //schema:inspect -- results/A100-80GB/A100_bs2
  bazel run //schema:inspect -- results/A100-80GB/A100_bs2/rep_2.rank_0_of_1.shard
  bazel run //schema:inspect -- 'results/A100-80GB/A100_tp2/rep_2.rank_*_of_2.shard'
  bazel run //schema:inspect -- experiments/batch_size_experiment.json

Exit codes: 0 all is sound; 1 damaged or unknown; 2 wrong usage; 4 a part is damaged and named.
)";

int InspectMain(const std::vector<std::string>& paths) {
  if (paths.empty()) return ReportAndExitCode("inspect", UsageError("expected a path"));
  int code = kExitDone;
  for (const std::string& path : paths) {
    const absl::StatusOr<Inspection> inspection = Inspect(UserPath(path));
    if (!inspection.ok()) {
      code = ReportAndExitCode("inspect", inspection.status());
      continue;
    }
    std::cout << inspection->text;
    for (const std::string& problem : inspection->problems) {
      std::cerr << "inspect: " << problem << "\n";
      if (code == kExitDone) code = kExitIncomplete;
    }
  }
  const absl::Status printed = FlushStandardOutput();
  return printed.ok() ? code : ReportAndExitCode("inspect", printed);
}

}  // namespace
}  // namespace forensics::schema

int main(int argc, char** argv) {
  return forensics::schema::InspectMain(
      forensics::schema::ParseCommandLineOrExit(forensics::schema::kUsage, argc, argv));
}
