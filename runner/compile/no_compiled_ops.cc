// LoadCompiledOps where libtorch is older than its loader of packages; BUILD chooses.
#include <torch/version.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "runner/compile/compiled_ops.h"

namespace forensics::runner {

absl::StatusOr<std::unique_ptr<FusedOps>> LoadCompiledOps(const std::string& /*folder*/,
                                                          const PackageKey& /*key*/) {
  return absl::FailedPreconditionError(absl::StrCat(
      "this build's libtorch (", TORCH_VERSION,
      ") has no loader of compiled packages; --//third_party/torch:version names newer ones"));
}

}  // namespace forensics::runner
