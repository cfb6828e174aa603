// What a process said last.
#ifndef PODS_LOG_TAIL_H_
#define PODS_LOG_TAIL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace forensics::pods {

using LineTest = bool (*)(absl::string_view line);

// Whether it is of the runner's progress display, "STAGE  1:05 elapsed, 0:10 left", which says
// nothing of why a process ended.
bool IsProgress(absl::string_view line);

// The last `count` lines of a file, from byte `begin` on: without blank ones, those that
// `is_left_out` says, and what a terminal draws over, of which a bar may have left megabytes. Looks
// back for them as far as need be, at most 64 MiB. None of a file that cannot be read.
std::vector<std::string> LastLines(const std::string& path, size_t count, int64_t begin = 0,
                                   LineTest is_left_out = nullptr);

// "; all of it: <path>"; empty where there is no log.
std::string WhereAllOfItIs(const std::string& path);

}  // namespace forensics::pods

#endif  // PODS_LOG_TAIL_H_
