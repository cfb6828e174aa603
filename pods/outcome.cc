#include "pods/outcome.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "schema/command_line.h"

namespace forensics::pods {
namespace {

bool AnyOf(const std::vector<std::string>& lines, std::initializer_list<const char*> texts) {
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    const std::string lower = absl::AsciiStrToLower(line);
    return std::any_of(texts.begin(), texts.end(),
                       [&](const char* text) { return absl::StrContains(lower, text); });
  });
}

}  // namespace

Outcome OutcomeOf(const ChildExit& exit, const std::vector<std::string>& last_lines) {
  if (exit.interrupted) return Outcome::kInterrupted;
  if (exit.timed_out) return Outcome::kMayBeRetried;
  if (exit.signal == 0 && exit.code == schema::kExitDone) return Outcome::kDone;
  if (exit.code == schema::kExitNotReproducible) return Outcome::kNotReproducible;
  // strerror of ENOSPC, EDQUOT and EFBIG.
  if (AnyOf(last_lines, {"no space left on device", "disk quota exceeded", "file too large"})) {
    return Outcome::kDiskFull;
  }
  if (exit.code == schema::kExitIncomplete) return Outcome::kIncomplete;
  if (AnyOf(last_lines, {"out of memory", "cannot allocate memory", "bad_alloc"})) {
    return Outcome::kOutOfMemory;
  }
  return exit.signal != 0 || exit.code == kExitTryAgain ? Outcome::kMayBeRetried : Outcome::kFailed;
}

std::string ExitText(const ChildExit& exit) {
  if (exit.timed_out) return absl::StrFormat("ended after %.0f s without a result", exit.seconds);
  if (exit.signal != 0) {
    return absl::StrCat("killed by signal ", exit.signal, " (", strsignal(exit.signal), ")");
  }
  return absl::StrCat("exit code ", exit.code);
}

}  // namespace forensics::pods
