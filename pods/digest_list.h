// Files that stand for their contents: lines as sha256sum writes them, "<64 hex digits>  <name>".
#ifndef PODS_DIGEST_LIST_H_
#define PODS_DIGEST_LIST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pods/plan.pb.h"

namespace forensics::pods {

// The list that fetch_model leaves in a model's folder, written last. Its first line is
// "# <repository> <revision> <commit>".
inline constexpr char kModelDigests[] = "SHA256SUMS";

enum class Thoroughness { kPresence, kEveryByte };

// OK if `directory` holds all of `model` as it was fetched. NotFound if it was not fetched, or not
// to the end; DataLoss names the file that is missing or has another digest.
absl::Status CheckModelFolder(const std::string& directory, const Model& model,
                              Thoroughness thoroughness);

// The list of `files`, in the order given. An error names a file that cannot be read.
absl::StatusOr<std::string> DigestList(const std::vector<std::string>& files);

}  // namespace forensics::pods

#endif  // PODS_DIGEST_LIST_H_
