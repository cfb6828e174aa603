// Finished runs that are not as they were written.
#ifndef PODS_DAMAGED_RUNS_H_
#define PODS_DAMAGED_RUNS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "pods/run_reader.h"

namespace forensics::pods {

struct DamagedRun {
  std::string path;      // where it was
  std::string reason;    // file, expected and found
  std::string new_path;  // where it is now
};

// Moves each damaged run below `results` to the same place below `aside`, so that it is run again
// and can still be looked at. An error names what cannot be moved.
absl::StatusOr<std::vector<DamagedRun>> SetDamagedRunsAside(const std::string& results,
                                                            const std::string& aside,
                                                            RunReader& runs);

}  // namespace forensics::pods

#endif  // PODS_DAMAGED_RUNS_H_
