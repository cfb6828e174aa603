// Ranks on GPUs: NCCL (developer.nvidia.com/nccl), one GPU a rank.
#ifndef RUNNER_PARALLEL_NCCL_COMMUNICATOR_H_
#define RUNNER_PARALLEL_NCCL_COMMUNICATOR_H_

#include <chrono>
#include <memory>

#include "absl/status/statusor.h"
#include "runner/parallel/communicator.h"

namespace forensics::runner {

// Connects this thread's current GPU (runner/cuda/torch_library.h) with those of the other ranks of
// `control`, which carries all bytes that are no tensors and must outlive the result. Tensors are
// CUDA tensors on that GPU, used on libtorch's current stream.
//
// Sums are NCCL's: rounded to the tensor's dtype at every hop of the ring, in an order that depends
// on the element's place. What fixes the bits is set before NCCL starts, where the environment does
// not say otherwise (nccl_settings.h).
//
// A call returns when its result is there; a rank that does not take part within `timeout`
// (`start_timeout` when they connect) is a RankError, and the communicator is of no use from then
// on. Aborted where the ranks cannot be connected.
//
// Without `fixed_order` NCCL chooses by itself, for speed: only to know what the machine could do.
absl::StatusOr<std::unique_ptr<Communicator>> ConnectNccl(std::chrono::milliseconds start_timeout,
                                                          std::chrono::milliseconds timeout,
                                                          Communicator& control,
                                                          bool fixed_order = true);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_NCCL_COMMUNICATOR_H_
