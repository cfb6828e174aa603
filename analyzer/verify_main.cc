// bazel run //analyzer:verify -- --claimed=FILE --recomputed=FILE: were these bits computed again?
#include <iostream>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "analyzer/verify.h"
#include "schema/command_line.h"

ABSL_FLAG(std::string, claimed, "", "experiment file with the runs that are claimed");
ABSL_FLAG(std::string, recomputed, "", "experiment file with the same runs, computed again");
ABSL_FLAG(std::string, claimed_config, "", "the one configuration of --claimed to compare");
ABSL_FLAG(std::string, recomputed_config, "", "the one of --recomputed to compare it with");
ABSL_FLAG(std::string, format, "table", "on stdout: table or json");

namespace forensics::analyzer {
namespace {

constexpr char kUsage[] =
    R"(Was a claimed run computed again, bit for bit?

  verify --claimed=FILE --recomputed=FILE [--claimed_config=ID --recomputed_config=ID]
         [--format=table|json]

Pairs the configurations of two experiment files by the variable's value and answers "equal", or
names the first place, in the order in which a model computes, where the claim and the recomputation
part: step, signal, layer, position, element, both values. Every stored repetition of the claim is
held against the recomputation. What the two files state of a run (model, dtype, fixed parameters,
prompt, fed tokens) is compared too: equal bits with another statement are "contradicted", and what
one of the two does not state is listed as not checked. Paths are relative to where the command was
typed.

  bazel run //runner:exp0 -- --hardware=emulated:H100 --output=again
  bazel run //collector:fuse -- again --output=again
  bazel run //analyzer:verify -- --claimed=theirs.json --recomputed=again/reference_baseline.json

Exit code: 0 all equal; 1 nothing could be done; 2 wrong usage; 3 a configuration parts; 5 none
parts, but one's statements are contradicted; 4 neither, but one was not recomputed (as where both
files are one) or cannot be compared (as with a repetition that left neither values nor a digest),
and is named.
)";

absl::StatusOr<VerifyOptions> ParseOptions(const std::vector<std::string>& positional) {
  if (!positional.empty()) {
    return schema::UsageError(absl::StrCat("'", positional.front(),
                                           "' stands alone; files are given with --claimed and "
                                           "--recomputed"));
  }
  VerifyOptions options;
  options.claimed = schema::UserPath(absl::GetFlag(FLAGS_claimed));
  options.recomputed = schema::UserPath(absl::GetFlag(FLAGS_recomputed));
  if (options.claimed.empty()) return schema::UsageError("--claimed is missing");
  if (options.recomputed.empty()) return schema::UsageError("--recomputed is missing");
  options.choice = {absl::GetFlag(FLAGS_claimed_config), absl::GetFlag(FLAGS_recomputed_config)};
  if (options.choice.claimed_config.empty() != options.choice.recomputed_config.empty()) {
    return schema::UsageError("--claimed_config and --recomputed_config go together");
  }
  const std::string format = absl::GetFlag(FLAGS_format);
  if (format != "table" && format != "json") {
    return schema::UsageError(absl::StrCat("--format is table or json, not '", format, "'"));
  }
  options.format = format == "json" ? VerifyFormat::kJson : VerifyFormat::kTable;
  return options;
}

int Run(int argc, char** argv) {
  const std::vector<std::string> positional = schema::ParseCommandLineOrExit(kUsage, argc, argv);
  const absl::StatusOr<VerifyOptions> options = ParseOptions(positional);
  if (!options.ok()) return schema::ReportAndExitCode("verify", options.status());
  const absl::StatusOr<VerifyOutcome> outcome = VerifyFiles(*options, std::cout);
  if (!outcome.ok()) return schema::ReportAndExitCode("verify", outcome.status());
  if (outcome->any_parted) return schema::kExitNotReproducible;
  if (outcome->any_contradicted) return schema::kExitContradicted;
  return outcome->complete ? schema::kExitDone : schema::kExitIncomplete;
}

}  // namespace
}  // namespace forensics::analyzer

int main(int argc, char** argv) { return forensics::analyzer::Run(argc, argv); }
