#include "pods/child_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "schema/regular_file.h"

namespace forensics::pods {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatience = 3;  // signals of the user's until the child is ended at once

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

absl::Status SystemError(const std::string& what, int error) {
  return absl::InternalError(absl::StrCat(what, ": ", std::strerror(error)));
}

// In the new process; what fails is written to `failure`.
[[noreturn]] void BecomeChild(char* const* arguments, int log, int failure, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const sigset_t set = WatchedSignals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  // A shell's background job ignores INT, and so would its children.
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  const int nothing = open("/dev/null", O_RDONLY);
  if (getppid() == parent && nothing >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
      dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0) {
    execvp(arguments[0], arguments);
  }
  const int error = errno;
  if (write(failure, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

absl::StatusOr<pid_t> Start(const ChildOptions& options) {
  const absl::StatusOr<int> log = schema::OpenRegularFileToAppend(options.log);
  if (!log.ok()) return log.status();
  int failure[2];
  if (pipe2(failure, O_CLOEXEC) != 0) return SystemError("pipe", errno);
  std::vector<char*> arguments;
  for (const std::string& argument : options.command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t parent = getpid(), child = fork();
  if (child == 0) BecomeChild(arguments.data(), *log, failure[1], parent);
  const int fork_error = errno;
  close(*log);
  close(failure[1]);
  int error = 0;
  const bool failed = child < 0 || read(failure[0], &error, sizeof error) > 0;
  close(failure[0]);
  if (child < 0) return SystemError("fork", fork_error);
  if (!failed) return child;
  waitpid(child, nullptr, 0);
  return SystemError(options.command[0], error);
}

// Ends the process group as soon as this process is gone, however it ends: of what it started, only
// the first process dies with it, not those that one has started.
class GroupGuard {
 public:
  explicit GroupGuard(pid_t group) {
    int alive[2];
    if (pipe2(alive, O_CLOEXEC) != 0) return;
    guard_ = fork();
    if (guard_ == 0) Watch(group, alive[0], alive[1]);
    close(alive[0]);
    alive_ = alive[1];
  }
  ~GroupGuard() {
    if (guard_ > 0) {
      kill(guard_, SIGKILL);
      waitpid(guard_, nullptr, 0);
    }
    if (alive_ >= 0) close(alive_);
  }
  GroupGuard(const GroupGuard&) = delete;
  GroupGuard& operator=(const GroupGuard&) = delete;

 private:
  // In a session of its own, so that what ends this process's group leaves it, and with no file of
  // this process's open: neither its lock nor its end of the pipe.
  [[noreturn]] static void Watch(pid_t group, int alive, int other_end) {
    setsid();
    close(other_end);
    dup2(alive, STDIN_FILENO);
    syscall(SYS_close_range, STDOUT_FILENO, ~0U, 0);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
    }
    kill(-group, SIGKILL);
    _exit(0);
  }

  pid_t guard_ = -1;
  int alive_ = -1;
};

}  // namespace

SignalGuard::SignalGuard() {
  const sigset_t set = WatchedSignals();
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

SignalGuard::~SignalGuard() {
  const sigset_t set = WatchedSignals();
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

int SignalGuard::Wait(double seconds) {
  const sigset_t set = WatchedSignals();
  const double whole = std::floor(seconds);
  const timespec timeout = {static_cast<time_t>(whole), static_cast<long>((seconds - whole) * 1e9)};
  const int signal = sigtimedwait(&set, nullptr, &timeout);
  if (signal != SIGINT && signal != SIGTERM) return 0;
  interrupted_ = true;
  return signal;
}

absl::StatusOr<ChildExit> RunChild(const ChildOptions& options, SignalGuard& signals) {
  const absl::StatusOr<pid_t> child = Start(options);
  if (!child.ok()) return child.status();
  const GroupGuard guard(*child);
  const Clock::time_point began = Clock::now();
  ChildExit exit;
  int status = 0, signals_sent = 0;
  double next_call = 1, kill_at = 0;
  while (waitpid(*child, &status, WNOHANG) == 0) {
    const int signal = signals.Wait(std::min(1.0, next_call - exit.seconds));
    exit.seconds = std::chrono::duration<double>(Clock::now() - began).count();
    if (signal != 0) {
      exit.interrupted = true;
      if (kill_at == 0) kill_at = exit.seconds + options.grace_seconds;
      kill(-*child, ++signals_sent < kPatience ? signal : SIGKILL);
    }
    if (options.timeout_seconds > 0 && exit.seconds > options.timeout_seconds && !exit.timed_out) {
      exit.timed_out = true;
      kill_at = exit.seconds + options.grace_seconds;
      kill(-*child, SIGTERM);
    }
    if (kill_at > 0 && exit.seconds > kill_at) kill(-*child, SIGKILL);
    if (exit.seconds < next_call) continue;
    next_call = exit.seconds + 1;
    if (options.each_second) options.each_second(exit.seconds);
  }
  kill(-*child, SIGKILL);  // what it may have left behind in its group
  exit.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  exit.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  exit.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  return exit;
}

}  // namespace forensics::pods
