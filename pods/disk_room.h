// Whether a model fits, now.
#ifndef PODS_DISK_ROOM_H_
#define PODS_DISK_ROOM_H_

#include <string>

#include "absl/status/status.h"
#include "pods/plan.pb.h"

namespace forensics::pods {

inline constexpr double kBytesPerGigabyte = 1e9;

// Of all files below `folder`; 0 where there is none.
double GigabytesIn(const std::string& folder);

// Whether `gigabytes` more of models fit: FailedPrecondition where the plan's budget is short, in
// which all counts that lies where models do, ResourceExhausted where the disk itself is.
absl::Status CheckRoom(const Plan& plan, double gigabytes);

// Whether so little is free that what failed may have failed for want of it, and could not say so.
bool IsDiskFull(const std::string& folder);

}  // namespace forensics::pods

#endif  // PODS_DISK_ROOM_H_
