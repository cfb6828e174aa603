// What becomes of the process when a mapped file is cut short: an error message, not a signal.
#ifndef RUNNER_CHECKPOINT_MAPPING_GUARD_H_
#define RUNNER_CHECKPOINT_MAPPING_GUARD_H_

#include <cstddef>
#include <string>

namespace forensics::runner {

// While it lives, whoever reads bytes of [begin, begin + size) that `path` no longer has ends the
// process with exit code 1 and a message on stderr that names `path`. There is no way on: the
// bytes lie in a tensor that is being computed with. Any other SIGBUS is as it was.
class MappingGuard {
 public:
  MappingGuard(const void* begin, size_t size, const std::string& path);
  ~MappingGuard();
  MappingGuard(const MappingGuard&) = delete;
  MappingGuard& operator=(const MappingGuard&) = delete;

 private:
  struct Entry;
  friend struct GuardedMappings;

  Entry* entry_;
};

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_MAPPING_GUARD_H_
