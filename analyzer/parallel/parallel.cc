#include "analyzer/parallel/parallel.h"

#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace forensics::analyzer {
namespace {

// The tasks of one call.
struct Job {
  const std::vector<std::function<void()>>* tasks;
  size_t next = 0;  // the first that nobody has begun
  size_t done = 0;

  bool HasWork() const { return next < tasks->size(); }
};

// A thread for each core but the callers', for the whole life of the process.
class Pool {
 public:
  explicit Pool(int threads) {
    for (int i = 0; i < threads; ++i) std::thread([this] { Help(); }).detach();
  }

  // The caller works too, on its own tasks: a call within a task needs no free thread. While others
  // do the last of them, it helps with later calls, which theirs may be waiting for.
  void Run(const std::vector<std::function<void()>>& tasks) {
    Job job{&tasks};
    std::unique_lock<std::mutex> lock(mutex_);
    jobs_.push_back(&job);
    work_.notify_all();
    done_.notify_all();
    while (job.HasWork()) RunNext(job, lock);
    Job* later = nullptr;
    const auto is_done_or_can_help = [&] {
      later = Latest(&job);
      return later != nullptr || job.done == tasks.size();
    };
    while (job.done < tasks.size()) {
      done_.wait(lock, is_done_or_can_help);
      if (job.done < tasks.size()) RunNext(*later, lock);
    }
    jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
  }

 private:
  void RunNext(Job& job, std::unique_lock<std::mutex>& lock) noexcept {
    const std::function<void()>& task = (*job.tasks)[job.next++];
    lock.unlock();
    task();
    lock.lock();
    if (++job.done == job.tasks->size()) done_.notify_all();
  }

  // The latest call, if it is later than `than`, that has work for one more thread: what has been
  // begun ends first.
  Job* Latest(const Job* than = nullptr) {
    for (auto job = jobs_.rbegin(); job != jobs_.rend() && *job != than; ++job) {
      if ((*job)->HasWork()) return *job;
    }
    return nullptr;
  }

  void Help() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      Job* job = nullptr;
      work_.wait(lock, [&] { return (job = Latest()) != nullptr; });
      RunNext(*job, lock);
    }
  }

  std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::vector<Job*> jobs_;  // of calls that have not returned, in their order
};

}  // namespace

int UsableCores() {
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof usable, &usable) == 0) return CPU_COUNT(&usable);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

void RunOnAllCores(const std::vector<std::function<void()>>& tasks) {
  static auto* const pool = new Pool(UsableCores() - 1);
  pool->Run(tasks);
}

}  // namespace forensics::analyzer
