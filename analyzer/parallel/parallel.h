// Independent work on all cores.
#ifndef ANALYZER_PARALLEL_PARALLEL_H_
#define ANALYZER_PARALLEL_PARALLEL_H_

#include <functional>
#include <vector>

namespace forensics::analyzer {

// The cores that this process may use (taskset, a container's cpuset), at least 1.
int UsableCores();

// Calls each task once, in any order and at the same time as others; returns when all are done.
// A task may call it again: all calls share one thread a core, and those that have nothing to do
// help with the latest call. No task may take a lock that is held across a call: a thread that
// waits for its own tasks may be given anyone's. A task that throws ends the process.
void RunOnAllCores(const std::vector<std::function<void()>>& tasks);

}  // namespace forensics::analyzer

#endif  // ANALYZER_PARALLEL_PARALLEL_H_
