// A tool in a process of its own.
#ifndef PODS_CHILD_PROCESS_H_
#define PODS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace forensics::pods {

struct ChildOptions {
  std::vector<std::string> command;  // program, looked for in PATH without a '/', and arguments
  std::string log;                   // standard output and error are appended to it
  double timeout_seconds = 0;        // 0: none
  double grace_seconds = 10;         // from INT or TERM until it is killed
  std::function<void(double seconds)> each_second;  // while it runs; may be empty
};

struct ChildExit {
  int code = 0;              // of a process that ended by itself
  int signal = 0;            // that ended it
  bool timed_out = false;    // and was ended for that
  bool interrupted = false;  // this process was sent INT or TERM, and passed it on
  double seconds = 0;
};

// From construction on INT and TERM do not end this process; WasInterrupted says that one came.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  // Waits for a signal, at most so long: INT or TERM, remembered and returned; 0: another, or none.
  int Wait(double seconds);
  bool WasInterrupted() const { return interrupted_; }

 private:
  bool interrupted_ = false;
};

// Runs it in a process group of its own, which dies with this process, and waits for its end. INT
// and TERM are passed on to the group, which is killed if it goes on; a third kills it at once. An
// error if it cannot be started or the log cannot be written.
absl::StatusOr<ChildExit> RunChild(const ChildOptions& options, SignalGuard& signals);

}  // namespace forensics::pods

#endif  // PODS_CHILD_PROCESS_H_
