// What all layers of one forward pass share.
#ifndef RUNNER_MODEL_FORWARD_PASS_H_
#define RUNNER_MODEL_FORWARD_PASS_H_

#include <cstdint>

#include "runner/model/fused_ops.h"
#include "runner/model/kv_cache.h"
#include "runner/ops/rotary.h"

namespace forensics::runner {

struct ForwardPass {
  int64_t tokens;  // of each sequence of the batch
  const RotaryTable& rotary;
  const KvCache& cache;
  const FusedOps& ops;
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_FORWARD_PASS_H_
