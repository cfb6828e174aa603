// bazel run //analyzer:compare -- [DIRECTORY or FILES]: the verdict over experiment files.
#include <cstdint>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/compare.h"
#include "schema/command_line.h"
#include "schema/run_directory.h"

ABSL_FLAG(std::string, output, forensics::schema::kReportFolder,
          "directory for analysis_reports.json, summary.json and report.html");
ABSL_FLAG(std::string, tidy, "",
          "file for one tab-separated line a pair of configurations, signal and layer: experiment, "
          "kind, hardware, config a, config b, value, signal, n, mean, min, max, snr, class");
ABSL_FLAG(std::string, tidy_phases, "",
          "file for one tab-separated line a pair, signal, layer and phase (all, prefill, decode) "
          "over distinct positions, under a heading");
ABSL_FLAG(std::string, tidy_folder, "",
          "directory for all figures as tab-separated tables under headings: summary.tsv, "
          "signals.tsv, positions.tsv, run_times.tsv and others");
ABSL_FLAG(uint64_t, seed, forensics::analyzer::Resampling().seed,
          "of the resampling that intervals and p-values come from");
ABSL_FLAG(double, false_positive_rate, forensics::analyzer::DetectionRates().false_positive_rate,
          "at which the number of tokens that tell a variant from a change of GPU is stated");
ABSL_FLAG(std::string, format, "table",
          "on stdout: table or json (the summary), csv (the table of "
          "--tidy_phases for a spreadsheet, RFC 4180) or html (the page)");

namespace forensics::analyzer {
namespace {

constexpr char kUsage[] =
    R"(Is the numeric fingerprint of a change in serving larger than that of a change of GPU?

  compare [DIRECTORY or FILES] [--output=report] [--tidy=FILE] [--tidy_phases=FILE]
          [--tidy_folder=DIRECTORY] [--seed=N] [--false_positive_rate=0.01]
          [--format=table|json|csv|html]

Reads experiment JSON (default: the directory "experiments"; of a directory reference_baseline.json
and *_experiment.json), prints the summary and writes analysis_reports.json, summary.json and
report.html, a page for any browser. Paths are relative to where the command was typed.

  bazel run //analyzer:compare
  bazel run //analyzer:compare -- experiments --output=report --tidy=report/tidy.tsv
  bazel run //analyzer:compare -- a100/batch_size_experiment.json --format=json
  bazel run //analyzer:compare -- experiments --format=csv >phases.csv
  bazel run //analyzer:compare -- experiments --tidy_folder=tables

On stdout --format=table and --format=json give the summary, a row an experiment; --format=csv gives
distances, bit changes, intervals and tests, a row for each pair, signal, layer and phase.

Exit code: 0 done; 1 nothing could be done; 2 wrong usage; 4 done, but a file is damaged, or one
that was named is missing (a directory may lack any).
)";

const std::map<std::string, TableFormat>& Formats() {
  static const auto* const kFormats =
      new std::map<std::string, TableFormat>{{"table", TableFormat::kTable},
                                             {"json", TableFormat::kJson},
                                             {"csv", TableFormat::kCsv},
                                             {"html", TableFormat::kHtml}};
  return *kFormats;
}

absl::StatusOr<CompareOptions> ParseOptions(const std::vector<std::string>& positional) {
  CompareOptions options;
  for (const std::string& input : positional) {
    if (input.empty()) return schema::UsageError("an input is an empty text, not a path");
    options.inputs.push_back(schema::UserPath(input));
  }
  if (options.inputs.empty()) {
    options.inputs.push_back(schema::UserPath(schema::kExperimentsFolder));
  }
  options.output = schema::UserPath(absl::GetFlag(FLAGS_output));
  options.tidy = schema::UserPath(absl::GetFlag(FLAGS_tidy));
  options.tidy_folder = schema::UserPath(absl::GetFlag(FLAGS_tidy_folder));
  options.tidy_phases = schema::UserPath(absl::GetFlag(FLAGS_tidy_phases));
  const std::string format = absl::GetFlag(FLAGS_format);
  options.statistics.resampling.seed = absl::GetFlag(FLAGS_seed);
  const double rate = absl::GetFlag(FLAGS_false_positive_rate);
  options.statistics.rates.false_positive_rate = rate;
  if (!(rate > 0 && rate < 1)) {
    return schema::UsageError("--false_positive_rate is not between 0 and 1");
  }
  if (options.output.empty()) return schema::UsageError("--output is empty");
  const auto found = Formats().find(format);
  if (found == Formats().end()) {
    return schema::UsageError(
        absl::StrCat("--format is table, json, csv or html, not '", format, "'"));
  }
  options.format = found->second;
  return options;
}

int Run(int argc, char** argv) {
  const std::vector<std::string> positional = schema::ParseCommandLineOrExit(kUsage, argc, argv);
  const absl::StatusOr<CompareOptions> options = ParseOptions(positional);
  if (!options.ok()) return schema::ReportAndExitCode("compare", options.status());
  const absl::StatusOr<CompareOutcome> outcome = Compare(*options, std::cout, std::cerr);
  if (!outcome.ok()) return schema::ReportAndExitCode("compare", outcome.status());
  std::cerr << "Reports of " << outcome->analysed
            << (outcome->analysed == 1 ? " experiment are in " : " experiments are in ")
            << options->output << "\n";
  return outcome->failed.empty() ? schema::kExitDone : schema::kExitIncomplete;
}

}  // namespace
}  // namespace forensics::analyzer

int main(int argc, char** argv) { return forensics::analyzer::Run(argc, argv); }
