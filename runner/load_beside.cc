#include "runner/load_beside.h"

#include "runner/engine/gpu_load.h"
#include "runner/engine/processor_load.h"

namespace forensics::runner {

LoadKind LoadBeside(const RunnerOptions& options) {
  if (options.gpu.has_value()) return {DescribeGpuLoad(), StartGpuLoad};
  return {DescribeLoad(HalfOfThisMachine()),
          [] { return ProcessorLoad::Start(HalfOfThisMachine()); }};
}

}  // namespace forensics::runner
