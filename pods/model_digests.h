// What fetch_model leaves in a model's folder: the digest of each of its files.
#ifndef PODS_MODEL_DIGESTS_H_
#define PODS_MODEL_DIGESTS_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pods/plan.pb.h"

namespace forensics::pods {

// The list of them, written last: lines as sha256sum writes them, "<64 hex digits>  <name>". Its
// first line is "# <repository> <revision> <commit>".
inline constexpr char kModelDigests[] = "SHA256SUMS";

// Of a SHA-256; a commit has 40.
inline constexpr size_t kDigestDigits = 64;

// {file's name: SHA-256 in hex} of the list in `directory`. NotFound if `model` was not fetched
// there, or not to the end; DataLoss quotes a line that is not of that form.
absl::StatusOr<std::map<std::string, std::string>> ReadModelDigests(const std::string& directory,
                                                                    const Model& model);

enum class Thoroughness { kPresence, kEveryByte };

// OK if `directory` holds all of `model` as it was fetched. Errors as of ReadModelDigests; DataLoss
// names the file that is missing or has another digest, too.
absl::Status CheckModelFolder(const std::string& directory, const Model& model,
                              Thoroughness thoroughness);

}  // namespace forensics::pods

#endif  // PODS_MODEL_DIGESTS_H_
