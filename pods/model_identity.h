// What a model is known by: its commit, its files' digest, or both.
#ifndef PODS_MODEL_IDENTITY_H_
#define PODS_MODEL_IDENTITY_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pods/file_digests.h"
#include "pods/plan.pb.h"

namespace forensics::pods {

// Of a model that the plan fetches "<repository> <commit>", and " <digest>" where its files are
// here; of one that lies in a folder of the user's "<digest>". The digest is the one that manifests
// state (schema/checkpoint_digest.h). NotFound of such a folder that is not here,
// FailedPrecondition of a link in it whose file is not.
absl::StatusOr<std::string> ModelIdentity(const Model& model, const std::string& directory,
                                          FileDigests& digests);

// The digest that is part of it; empty: it has none.
absl::string_view DigestOfIdentity(absl::string_view identity);

// Equal digests are the same model, wherever it came from. Where one side has none the commits
// decide; a commit alone and a digest alone are not known to be the same.
bool IsSameModel(absl::string_view one, absl::string_view other);

// "<found>, expected <expected>" of models that are not the same, in as few words as tell them
// apart.
std::string ModelDifference(absl::string_view found, absl::string_view expected);

}  // namespace forensics::pods

#endif  // PODS_MODEL_IDENTITY_H_
