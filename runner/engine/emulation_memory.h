// Whether an emulated run fits this machine's memory, before its weights are loaded.
#ifndef RUNNER_ENGINE_EMULATION_MEMORY_H_
#define RUNNER_ENGINE_EMULATION_MEMORY_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/checkpoint/model_config.h"

namespace forensics::runner {

// What is to run.
struct EmulationWork {
  int64_t batch = 1;
  int64_t prompt_tokens = 0;  // of each sequence
  int64_t capacity = 0;       // positions of each sequence in the cache
};

// In bytes, beside the checkpoint's files, which the kernel reads again where their pages find no
// room. Each is at least so much.
struct EmulationMemoryNeed {
  int64_t kept = 0;       // embedding, head, routers and norms, in bfloat16
  int64_t cache = 0;      // keys and values
  int64_t workspace = 0;  // activations of the prefill, the largest linear weight, libraries
  int64_t Total() const { return kept + cache + workspace; }
};

EmulationMemoryNeed EstimateEmulationMemory(const ModelConfig& config, const EmulationWork& work);

// Bytes that this process may still take: what the kernel counts as available, or what is left of
// the limits of its control group and of those around it (of both versions: containers, Slurm,
// systemd-run), if one is less. `root` stands before /proc and /sys. Unavailable where the kernel
// does not say.
absl::StatusOr<int64_t> AvailableMemory(const std::string& root = "");

// ResourceExhausted, with all figures, where `need` is more than `available`. `what` names the
// checkpoint.
absl::Status CheckEmulationFits(const std::string& what, const EmulationMemoryNeed& need,
                                int64_t available);

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_EMULATION_MEMORY_H_
