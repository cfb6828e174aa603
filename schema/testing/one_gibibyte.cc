#include "schema/testing/one_gibibyte.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace forensics::schema {
namespace {

constexpr int kMostProcessors = 4;

// On a machine of a hundred processors the stacks of a pool with a thread for each would alone fill
// the 1 GiB.
void KeepFewProcessors() {
  cpu_set_t all, few;
  CPU_ZERO(&few);
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;  // more than 1,024: as they are
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&few) < kMostProcessors; ++i) {
    if (CPU_ISSET(i, &all)) CPU_SET(i, &few);
  }
  sched_setaffinity(0, sizeof few, &few);
}

}  // namespace

std::string SaidInOneGibibyte(const std::function<std::string()>& say) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit = {1 << 30, 1 << 30};
    setrlimit(RLIMIT_AS, &limit);
    KeepFewProcessors();
    // An exception would go on with the test in this process.
    const std::string message = [&say]() noexcept { return say(); }();
    _exit(write(ends[1], message.data(), message.size()) < 0);
  }
  close(ends[1]);
  std::string message(1 << 16, '\0');
  const ssize_t size = read(ends[0], message.data(), message.size());
  message.resize(static_cast<size_t>(std::max<ssize_t>(size, 0)));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? message : absl::StrCat("ended by signal ", WTERMSIG(status));
}

}  // namespace forensics::schema
