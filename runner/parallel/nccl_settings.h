// What fixes the bits of NCCL's sums; NCCL reads it from the environment when it starts.
#ifndef RUNNER_PARALLEL_NCCL_SETTINGS_H_
#define RUNNER_PARALLEL_NCCL_SETTINGS_H_

#include <utility>

namespace forensics::runner {

// The order of a sum follows from the algorithm and how the data are cut: one ring, in one channel,
// by one protocol, and nothing summed in a switch (NVLS, CollNet).
inline constexpr std::pair<const char*, const char*> kNcclSettings[] = {
    {"NCCL_ALGO", "Ring"},       {"NCCL_PROTO", "Simple"},   {"NCCL_MIN_CTAS", "1"},
    {"NCCL_MAX_CTAS", "1"},      {"NCCL_NVLS_ENABLE", "0"},  {"NCCL_COLLNET_ENABLE", "0"},
    {"NCCL_MIN_NCHANNELS", "1"}, {"NCCL_MAX_NCHANNELS", "1"}};

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_NCCL_SETTINGS_H_
