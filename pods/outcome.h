// What the end of a step's process means for the plan.
#ifndef PODS_OUTCOME_H_
#define PODS_OUTCOME_H_

#include <string>
#include <vector>

#include "pods/child_process.h"

namespace forensics::pods {

enum class Outcome {
  kDone,
  kIncomplete,  // done, but something is missing and named
  kNotReproducible,
  kDiskFull,
  kMayBeRetried,  // ended by a signal, or hung, or a download that was cut
  kOutOfMemory,   // may be retried once
  kInterrupted,
  kFailed,
};

// The exit code of fetch_model where trying again may help.
inline constexpr int kExitTryAgain = 75;  // EX_TEMPFAIL of sysexits.h

// `last_lines`: of what it printed.
Outcome OutcomeOf(const ChildExit& exit, const std::vector<std::string>& last_lines);

// "exit code 1", "killed by signal 9 (Killed)", "ended after 60 s without a result"
std::string ExitText(const ChildExit& exit);

}  // namespace forensics::pods

#endif  // PODS_OUTCOME_H_
