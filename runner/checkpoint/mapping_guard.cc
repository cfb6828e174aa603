#include "runner/checkpoint/mapping_guard.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

namespace forensics::runner {

// A mapping that the handler of the signal looks at, without a lock. Entries are used again, never
// freed.
struct MappingGuard::Entry {
  std::atomic<const char*> begin{nullptr};  // null: not in use
  size_t size = 0;
  std::string message;
  Entry* next = nullptr;
};

struct GuardedMappings {
  using Entry = MappingGuard::Entry;

  static void Handle(int signal, siginfo_t* information, void*) {
    const char* const address = static_cast<const char*>(information->si_addr);
    for (const Entry* entry = first.load(); entry != nullptr; entry = entry->next) {
      const char* const begin = entry->begin.load();
      if (begin == nullptr || address < begin || address >= begin + entry->size) continue;
      const ssize_t ignored = write(STDERR_FILENO, entry->message.data(), entry->message.size());
      static_cast<void>(ignored);
      _exit(EXIT_FAILURE);
    }
    // The instruction is tried again, and does what it would have done.
    sigaction(signal, &before, nullptr);
  }

  static void Install() {
    struct sigaction action = {};
    action.sa_sigaction = &Handle;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, &before);
  }

  static Entry* Unused() {
    for (Entry* entry = first.load(); entry != nullptr; entry = entry->next) {
      if (entry->begin.load() == nullptr) return entry;
    }
    auto* entry = new Entry;
    entry->next = first.load();
    first.store(entry);
    return entry;
  }

  static inline std::atomic<Entry*> first{nullptr};
  static inline struct sigaction before = {};
  static inline std::mutex mutex;  // of those who add and remove
};

MappingGuard::MappingGuard(const void* begin, size_t size, const std::string& path) {
  static std::once_flag installed;
  std::call_once(installed, &GuardedMappings::Install);
  const std::lock_guard<std::mutex> lock(GuardedMappings::mutex);
  entry_ = GuardedMappings::Unused();
  entry_->size = size;
  entry_->message =
      path +
      ": became shorter while it was in use; nobody may write to a checkpoint that is in use\n";
  entry_->begin.store(static_cast<const char*>(begin));
}

MappingGuard::~MappingGuard() {
  const std::lock_guard<std::mutex> lock(GuardedMappings::mutex);
  entry_->begin.store(nullptr);
}

}  // namespace forensics::runner
