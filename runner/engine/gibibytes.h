// Sizes of memory as messages give them.
#ifndef RUNNER_ENGINE_GIBIBYTES_H_
#define RUNNER_ENGINE_GIBIBYTES_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_format.h"

namespace forensics::runner {

// "1.5 GiB".
inline std::string Gib(int64_t bytes) {
  return absl::StrFormat("%.1f GiB", static_cast<double>(bytes) / (int64_t{1} << 30));
}

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_GIBIBYTES_H_
