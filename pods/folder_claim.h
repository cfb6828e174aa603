// What in a folder is the plan's own, so that nothing else is ever deleted.
#ifndef PODS_FOLDER_CLAIM_H_
#define PODS_FOLDER_CLAIM_H_

#include <string>

#include "absl/status/status.h"

namespace forensics::pods {

// Marks the folder as one that plans write to. FailedPrecondition, which names what is there, of
// one that is neither empty nor marked. The folder must exist.
absl::Status ClaimFolder(const std::string& folder);

// Makes the folder if need be, removes what is in it, and leaves it marked. FailedPrecondition, and
// nothing is removed, of one that is neither empty nor marked.
absl::Status EmptyClaimedFolder(const std::string& folder);

}  // namespace forensics::pods

#endif  // PODS_FOLDER_CLAIM_H_
