// The concurrent work beside inference on this device.
#ifndef RUNNER_LOAD_BESIDE_H_
#define RUNNER_LOAD_BESIDE_H_

#include <string>

#include "runner/engine/background_load.h"
#include "runner/runner_options.h"

namespace forensics::runner {

struct LoadKind {
  std::string description;  // for the manifest
  StartLoad start;
};

// A second stream's products on a GPU, threads' on a CPU.
LoadKind LoadBeside(const RunnerOptions& options);

}  // namespace forensics::runner

#endif  // RUNNER_LOAD_BESIDE_H_
