// Deleting what can be fetched again, and nothing else.
#ifndef PODS_REMOVE_MODEL_H_
#define PODS_REMOVE_MODEL_H_

#include <string>

#include "absl/status/status.h"
#include "pods/plan.pb.h"

namespace forensics::pods {

// Removes `directory`, into which fetch_model fetched `model`, wholly or in part; fine if it is not
// there. FailedPrecondition, and nothing is removed, if it is no folder right below `models`, or
// one that holds something and does not say that it is of the model's repository.
absl::Status RemoveModel(const std::string& models, const std::string& directory,
                         const Model& model);

}  // namespace forensics::pods

#endif  // PODS_REMOVE_MODEL_H_
