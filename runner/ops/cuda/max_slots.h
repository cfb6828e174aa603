// C++ and CUDA C++ alike.
#ifndef RUNNER_OPS_CUDA_MAX_SLOTS_H_
#define RUNNER_OPS_CUDA_MAX_SLOTS_H_

namespace forensics {

constexpr int kMaxSlots = 32;  // experts a token, of which kernels have a warp's lanes or a table

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_MAX_SLOTS_H_
