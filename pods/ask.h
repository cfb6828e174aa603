// A tool that is asked something.
#ifndef PODS_ASK_H_
#define PODS_ASK_H_

#include <string>
#include <vector>

#include "pods/child_process.h"
#include "pods/plan.pb.h"
#include "pods/steps.h"

namespace forensics::pods {

inline constexpr double kProbeSeconds = 120;

struct Answer {
  bool ok = false;
  std::vector<std::string> lines;  // the last ones
  std::string text;                // all of them, or why there are none
};

// Runs a command whose answer is short; it is kept in the log check-NAME.
Answer Ask(const Plan& plan, const std::string& name, std::vector<std::string> command,
           SignalGuard& signals, double seconds = kProbeSeconds);

// Why the step's program cannot be started, which it is with --help; empty: it can.
std::string WhyItDoesNotStart(const Plan& plan, const Step& step, SignalGuard& signals);

}  // namespace forensics::pods

#endif  // PODS_ASK_H_
