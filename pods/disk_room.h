// Whether a model fits, now.
#ifndef PODS_DISK_ROOM_H_
#define PODS_DISK_ROOM_H_

#include <string>

#include "pods/plan.pb.h"

namespace forensics::pods {

inline constexpr double kBytesPerGigabyte = 1e9;

// Of all files below `folder`; 0 where there is none.
double GigabytesIn(const std::string& folder);

// Why `gigabytes` more of models do not fit on the plan's disk or into its budget, in which all
// counts that lies where models do; empty: they fit.
std::string LackOfRoom(const Plan& plan, double gigabytes);

}  // namespace forensics::pods

#endif  // PODS_DISK_ROOM_H_
