// Who holds a folder's lock.
#ifndef PODS_LOCK_HOLDERS_H_
#define PODS_LOCK_HOLDERS_H_

#include <string>

namespace forensics::pods {

// The processes that hold a lock on `folder` (schema/directory_lock.h), as far as this user may see
// them: "123 (forensics run plan.textproto), 130 (exp0 --output=...)". Empty: none is seen.
std::string LockHolders(const std::string& folder);

}  // namespace forensics::pods

#endif  // PODS_LOCK_HOLDERS_H_
