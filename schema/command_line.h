// What every command-line tool here has in common: exit codes, flags, and what paths are relative
// to.
#ifndef SCHEMA_COMMAND_LINE_H_
#define SCHEMA_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace forensics::schema {

enum ExitCode : int {
  kExitDone = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitNotReproducible = 3,  // repetitions, or a claim and its recomputation, differ
  kExitIncomplete = 4,       // done, but something asked for was missing or damaged and is named
  kExitContradicted = 5,     // bits agree, but not what is stated of them (verify)
};

// Parses the flags that were defined with ABSL_FLAG and returns the positional arguments. --help
// prints `usage` and the flags with their defaults, and exits 0. An unknown flag, a bad or a
// missing value is named on stderr, and exits 2. A flag of type std::vector<std::string>, whose
// default must be empty, takes a comma-separated list, not an empty one, and may be given several
// times.
std::vector<std::string> ParseCommandLineOrExit(absl::string_view usage, int argc, char** argv);

// The path the user meant: relative ones are relative to the directory where the command was typed,
// also under `bazel run`, which starts programs elsewhere. Empty stays empty.
std::string UserPath(absl::string_view path);

// A wrong use of the command line that only the program can see; its exit code is kExitUsage.
absl::Status UsageError(absl::string_view message);

// `text` with each `bazel run //some:program -- ` in it as it is typed where this program is: its
// path in a bundle for rented machines (//pods:bundle), where there is no Bazel.
std::string AsTypedHere(absl::string_view text);

// The same where the bundle's programs are in `bin`; empty: no bundle. A program that is not there
// stays as it is.
std::string AsTypedIn(const std::string& bin, absl::string_view text);

// Says on stderr what went wrong, if anything did: kExitDone, kExitUsage or kExitFailed.
int ReportAndExitCode(absl::string_view program, const absl::Status& status);

}  // namespace forensics::schema

#endif  // SCHEMA_COMMAND_LINE_H_
