#include "runner/parallel/local_ranks.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

extern char** environ;

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr char kFailureKey[] = "first_failure";
constexpr milliseconds kPoll(10);
constexpr milliseconds kStoreTimeout(30000);

constexpr std::array<const char*, 7> kVariables = {"RANK",
                                                   "WORLD_SIZE",
                                                   "LOCAL_RANK",
                                                   "LOCAL_WORLD_SIZE",
                                                   "MASTER_ADDR",
                                                   "MASTER_PORT",
                                                   "TORCHELASTIC_USE_AGENT_STORE"};

std::vector<std::string> EnvironmentOf(int rank, int world_size, int port) {
  std::vector<std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const bool replaced = std::any_of(
        kVariables.begin(), kVariables.end(),
        [entry](const char* name) { return absl::StartsWith(*entry, absl::StrCat(name, "=")); });
    if (!replaced) variables.emplace_back(*entry);
  }
  for (const char* name : {"RANK=", "LOCAL_RANK="}) variables.push_back(absl::StrCat(name, rank));
  for (const char* name : {"WORLD_SIZE=", "LOCAL_WORLD_SIZE="}) {
    variables.push_back(absl::StrCat(name, world_size));
  }
  variables.push_back("MASTER_ADDR=127.0.0.1");
  variables.push_back(absl::StrCat("MASTER_PORT=", port));
  variables.push_back("TORCHELASTIC_USE_AGENT_STORE=True");
  return variables;
}

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (std::string& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// In the new process: nothing but calls that are safe after a fork of a program with threads.
[[noreturn]] void BecomeRank(const char* program, char** arguments, char** environment,
                             pid_t parent) {
  constexpr int kCannotExecute = 127;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotExecute);  // it died before the line above
  setpgid(0, 0);  // Ctrl-C reaches the parent alone, which passes it on in order
  const int null = open("/dev/null", O_WRONLY);
  if (null >= 0) dup2(null, STDOUT_FILENO);
  execve(program, arguments, environment);
  _exit(kCannotExecute);
}

struct Rank {
  pid_t pid = -1;
  bool running = false;
  int wait_status = 0;
};

// "exited with code 1", "was killed by signal 9 (Killed)".
std::string DescribeEnd(int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    const int signal = WTERMSIG(wait_status);
    return absl::StrCat("was killed by signal ", signal, " (", strsignal(signal), ")");
  }
  return absl::StrCat("exited with code ", WEXITSTATUS(wait_status));
}

// The processes of one run.
class Ranks {
 public:
  explicit Ranks(const LocalRanks& wanted) : wanted_(wanted) {}
  ~Ranks() { KillAll(); }

  absl::Status Start(int port) {
    for (int rank = 0; rank < wanted_.world_size; ++rank) {
      std::vector<std::string> arguments = wanted_.arguments;
      std::vector<std::string> environment = EnvironmentOf(rank, wanted_.world_size, port);
      std::vector<char*> argv = Pointers(arguments), envp = Pointers(environment);
      const pid_t parent = getpid();
      const pid_t pid = fork();
      if (pid < 0) {
        return absl::ResourceExhaustedError(
            absl::StrCat("cannot start rank ", rank, ": ", strerror(errno)));
      }
      if (pid == 0) BecomeRank(wanted_.program.c_str(), argv.data(), envp.data(), parent);
      ranks_.push_back({pid, true, 0});
    }
    return absl::OkStatus();
  }

  // Waits until all have ended; after a failure, kills those that outlast the grace.
  void WaitForAll() {
    bool forwarded = false;
    while (AnyRunning()) {
      Reap();
      if (!forwarded && wanted_.interrupted && wanted_.interrupted() && ranks_[0].running) {
        kill(ranks_[0].pid, SIGINT);
        forwarded = true;
      }
      if (failed_.empty()) {
        first_failure_ = Clock::now();
      } else if (Clock::now() - first_failure_ > wanted_.grace) {
        KillAll();
      }
      std::this_thread::sleep_for(kPoll);
    }
  }

  // Those that failed, in the order in which they ended; those killed here are not among them.
  const std::vector<int>& failed() const { return failed_; }

  std::string DescribeFailures() const {
    return absl::StrJoin(failed_, ", ", [this](std::string* out, int rank) {
      absl::StrAppend(out, "rank ", rank, " (process ", ranks_[rank].pid, ") ",
                      DescribeEnd(ranks_[rank].wait_status));
    });
  }

 private:
  bool AnyRunning() const {
    return std::any_of(ranks_.begin(), ranks_.end(), [](const Rank& rank) { return rank.running; });
  }

  bool IsGood(int wait_status) const {
    const std::vector<int>& good = wanted_.good_exit_codes;
    return WIFEXITED(wait_status) &&
           std::find(good.begin(), good.end(), WEXITSTATUS(wait_status)) != good.end();
  }

  void Reap() {
    for (size_t i = 0; i < ranks_.size(); ++i) {
      Rank& rank = ranks_[i];
      if (!rank.running || waitpid(rank.pid, &rank.wait_status, WNOHANG) != rank.pid) continue;
      rank.running = false;
      if (!killed_ && !IsGood(rank.wait_status)) failed_.push_back(static_cast<int>(i));
    }
  }

  void KillAll() {
    killed_ = true;
    for (Rank& rank : ranks_) {
      if (!rank.running) continue;
      kill(rank.pid, SIGKILL);
      waitpid(rank.pid, &rank.wait_status, 0);
      rank.running = false;
    }
  }

  const LocalRanks& wanted_;
  std::vector<Rank> ranks_;
  std::vector<int> failed_;
  Clock::time_point first_failure_ = Clock::now();
  bool killed_ = false;
};

std::string FirstCause(Rendezvous& store) {
  const absl::StatusOr<bool> known = store.Has(kFailureKey);
  if (!known.ok() || !*known) return "";
  return store.Get(kFailureKey).value_or("");
}

}  // namespace

absl::Status RunLocalRanks(const LocalRanks& wanted) {
  auto store = Rendezvous::Serve(wanted.port, kStoreTimeout);
  if (!store.ok()) return absl::AbortedError(store.status().message());
  Ranks ranks(wanted);
  if (absl::Status status = ranks.Start((*store)->port()); !status.ok()) return status;
  ranks.WaitForAll();
  if (ranks.failed().empty()) return absl::OkStatus();
  const std::string cause = FirstCause(**store);
  return absl::AbortedError(absl::StrCat(cause, cause.empty() ? "" : " [", ranks.DescribeFailures(),
                                         " of ", wanted.world_size, " ranks",
                                         cause.empty() ? "" : "]"));
}

void ReportRankFailure(int rank, const absl::Status& status, Rendezvous& store) {
  const std::string who = absl::StrCat("rank ", rank);
  const bool says_who = absl::StartsWith(status.message(), who);
  (void)store.SetFirst(kFailureKey,
                       absl::StrCat(says_who ? "" : absl::StrCat(who, ": "), status.message()));
}

}  // namespace forensics::runner
