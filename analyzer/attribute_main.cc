// bazel run //analyzer:attribute -- --unknown=FILE: where an unlabelled run comes from.
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/attribute.h"
#include "schema/command_line.h"
#include "schema/run_directory.h"

ABSL_FLAG(std::string, unknown, "", "experiment file with the runs to attribute");
ABSL_FLAG(std::string, config_id, "", "the one configuration of --unknown to attribute");
ABSL_FLAG(std::vector<std::string>, library, {},
          "experiment files of known runs, or directories of them (default: experiments)");
ABSL_FLAG(std::string, output, "", "directory for attribution.json");
ABSL_FLAG(std::string, format, "table",
          "on stdout: table, json (attribution.json), or csv (the ranking, RFC 4180)");

namespace forensics::analyzer {
namespace {

constexpr char kUsage[] =
    R"(Which known configuration and hardware does an unlabelled run come from?

  attribute --unknown=FILE [--config_id=ID] [--library=DIRECTORY or FILE]...
            [--output=DIRECTORY] [--format=table|json|csv]

Ranks the configurations of the library by their distance from each run in FILE, whose own labels
are not used, and says how probable each setup and each hardware is, and none of these. Identical
bits name a configuration, or all that leave these bits. Only positions with the same prompt and
tokens before them are compared. Paths are relative to where the command was typed.

  bazel run //analyzer:attribute -- --unknown=unlabelled.json --library=experiments
  bazel run //analyzer:attribute -- --unknown=unlabelled.json --config_id=X1 --output=report
  bazel run //analyzer:attribute -- --unknown=a.json --library=a100,h100 --format=csv >ranking.csv

Exit code: 0 done; 1 nothing could be done; 2 wrong usage; 4 done, but a library file is missing or
damaged, or a run has nothing to be compared with, and is named.
)";

absl::StatusOr<AttributeOptions> ParseOptions(const std::vector<std::string>& positional) {
  static const auto* const kFormats =
      new std::map<std::string, AttributionFormat>{{"table", AttributionFormat::kTable},
                                                   {"json", AttributionFormat::kJson},
                                                   {"csv", AttributionFormat::kCsv}};
  AttributeOptions options;
  if (!positional.empty()) {
    return schema::UsageError(absl::StrCat("'", positional.front(),
                                           "' stands alone; files are given with --unknown and "
                                           "--library"));
  }
  options.unknown = schema::UserPath(absl::GetFlag(FLAGS_unknown));
  if (options.unknown.empty()) return schema::UsageError("--unknown is missing");
  options.config_id = absl::GetFlag(FLAGS_config_id);
  for (const std::string& input : absl::GetFlag(FLAGS_library)) {
    if (input.empty()) return schema::UsageError("--library has an empty path");
    options.library.push_back(schema::UserPath(input));
  }
  if (options.library.empty()) {
    options.library.push_back(schema::UserPath(schema::kExperimentsFolder));
  }
  options.output = schema::UserPath(absl::GetFlag(FLAGS_output));
  const std::string format = absl::GetFlag(FLAGS_format);
  if (kFormats->count(format) == 0) {
    return schema::UsageError(absl::StrCat("--format is table, json or csv, not '", format, "'"));
  }
  options.format = kFormats->at(format);
  return options;
}

int Run(int argc, char** argv) {
  const std::vector<std::string> positional = schema::ParseCommandLineOrExit(kUsage, argc, argv);
  const absl::StatusOr<AttributeOptions> options = ParseOptions(positional);
  if (!options.ok()) return schema::ReportAndExitCode("attribute", options.status());
  const absl::StatusOr<AttributeOutcome> outcome = AttributeUnknown(*options, std::cout, std::cerr);
  if (!outcome.ok()) return schema::ReportAndExitCode("attribute", outcome.status());
  return outcome->complete() ? schema::kExitDone : schema::kExitIncomplete;
}

}  // namespace
}  // namespace forensics::analyzer

int main(int argc, char** argv) { return forensics::analyzer::Run(argc, argv); }
