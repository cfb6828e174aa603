// Shared by kernel and host.
#ifndef RUNNER_OPS_CUDA_COLLECT_SIGNALS_SOURCE_H_
#define RUNNER_OPS_CUDA_COLLECT_SIGNALS_SOURCE_H_

namespace forensics {

struct SignalSource {
  const void* hidden_states;
  const void* keys;
};

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_COLLECT_SIGNALS_SOURCE_H_
