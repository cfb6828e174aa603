#include "runner/parallel/testing/forked_ranks.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/parallel/gloo_communicator.h"

namespace forensics::runner {
namespace {

using std::chrono::milliseconds;

constexpr int kFailed = 7;

int RankProcess(const RankEnvironment& ranks, milliseconds timeout, const RankWork& work) {
  auto store = Rendezvous::Join(ranks, kPatience);
  if (!store.ok()) return kFailed;
  auto communicator = ConnectGloo(ranks, "test", timeout, **store);
  if (!communicator.ok()) return kFailed;
  return work(**communicator) ? 0 : kFailed;
}

// Serves the ranks' store in a process of its own: forking a program with threads is not safe.
class StoreProcess {
 public:
  StoreProcess() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_ = fork();
    if (pid_ == 0) Serve(ends[1]);
    EXPECT_EQ(read(ends[0], &port_, sizeof port_), static_cast<ssize_t>(sizeof port_));
    close(ends[0]);
    close(ends[1]);
  }
  ~StoreProcess() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  int port() const { return port_; }

 private:
  [[noreturn]] static void Serve(int out) {
    auto store = Rendezvous::Serve(0, kPatience);
    const int port = store.ok() ? (*store)->port() : -1;
    if (write(out, &port, sizeof port) < 0) _exit(kFailed);
    pause();
    _exit(kFailed);
  }

  pid_t pid_ = -1;
  int port_ = -1;
};

}  // namespace

std::vector<int> RunForkedRanks(int size, const RankWork& work, milliseconds timeout) {
  const StoreProcess store;
  std::vector<pid_t> pids;
  for (int rank = 0; rank < size; ++rank) {
    const pid_t pid = fork();
    if (pid == 0) {
      _exit(RankProcess({rank, size, rank, size, "127.0.0.1", store.port(), true}, timeout, work));
    }
    pids.push_back(pid);
  }
  std::vector<int> codes;
  for (const pid_t pid : pids) {
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    codes.push_back(WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
  }
  return codes;
}

}  // namespace forensics::runner
