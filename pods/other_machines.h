// Results that other machines brought, or have yet to bring.
#ifndef PODS_OTHER_MACHINES_H_
#define PODS_OTHER_MACHINES_H_

#include <string>
#include <vector>

#include "pods/plan.pb.h"

namespace forensics::pods {

// The other machines' results folders that have finished runs.
std::vector<std::string> OthersWithRuns(const Plan& plan);

// "waiting for finished runs in a100/results"; empty: for none.
std::string WaitingText(const Plan& plan);

}  // namespace forensics::pods

#endif  // PODS_OTHER_MACHINES_H_
