// A folder of compiled packages: <folder>/index.json and the files that it names, as
// build_packages.py writes them.
#ifndef RUNNER_COMPILE_PACKAGE_INDEX_H_
#define RUNNER_COMPILE_PACKAGE_INDEX_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/compile/package_key.h"

namespace forensics::runner {

struct PackageEntry {
  std::string file;    // name in the folder
  std::string device;  // PackageKey::device; an older index says nothing of it and means the CPU
  std::string dtype;
  std::string dims;    // PackageKey::Dims()
  std::string torch;   // the version that exported it: "2.11.0"
  std::string triton;  // of packages for GPUs, the version that compiled their kernels: "3.6.0"
  int64_t bytes = 0;
  std::string sha256;
};

// Reads <folder>/index.json. Errors name the file and what is wrong with it.
absl::StatusOr<std::vector<PackageEntry>> ReadPackageIndex(const std::string& folder);

// The entry for `key` whose file is whole, of its digest, and of torch version `torch`; Unavailable
// for a missing one, naming device, dtype, dimensions and the command that builds it; DataLoss for
// a cut or changed file; FailedPrecondition for another torch version.
absl::StatusOr<PackageEntry> FindPackage(const std::string& folder, const PackageKey& key,
                                         absl::string_view torch);

}  // namespace forensics::runner

#endif  // RUNNER_COMPILE_PACKAGE_INDEX_H_
