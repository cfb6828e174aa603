// What is to be known of the CPU that runs a plan.
#ifndef PODS_CPU_FACTS_H_
#define PODS_CPU_FACTS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace forensics::pods {

// Name and instruction sets of the first processor in the text of /proc/cpuinfo, which decide what
// the runner computes and the label that it gives its runs: "<model name> <digest of its flags>".
// Empty: the text says neither.
std::string CpuName(absl::string_view cpuinfo);

}  // namespace forensics::pods

#endif  // PODS_CPU_FACTS_H_
