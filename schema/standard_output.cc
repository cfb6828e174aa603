#include "schema/standard_output.h"

#include <iostream>

namespace forensics::schema {

absl::Status FlushStandardOutput() {
  if (std::cout.flush()) return absl::OkStatus();
  return absl::DataLossError("standard output: cannot be written");
}

}  // namespace forensics::schema
