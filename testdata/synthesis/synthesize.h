// Synthetic checkpoints: random weights of a trained model's statistics in the published formats.
//
// Goals: what a kernel's, loader's or benchmark's bug would show in shows (every group has its own
// scale, every 4-bit level occurs, routing and attention are uneven), the same bytes from a seed on
// every machine, and speed. Not a goal: sense.
#ifndef TESTDATA_SYNTHESIS_SYNTHESIZE_H_
#define TESTDATA_SYNTHESIS_SYNTHESIZE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "testdata/synthesis/checkpoint_text.h"
#include "testdata/synthesis/shard_plan.h"

namespace forensics::synthesis {

inline constexpr int64_t kMaxShardBytes = 5'000'000'000;  // Hugging Face's

struct CheckpointPlan {
  TextFiles text_files;  // with model.safetensors.index.json, if there are several shards
  std::vector<Shard> shards;

  int64_t tensors() const;
  int64_t bytes() const;  // of the shards
};

// Errors: those of ParseModelConfig and PlanTensors for text_files' config.json.
absl::StatusOr<CheckpointPlan> PlanCheckpoint(TextFiles text_files, uint64_t seed,
                                              int64_t max_shard_bytes = kMaxShardBytes);

// Writes the checkpoint into `directory`, which must be empty or missing (FailedPrecondition).
// After an error, a full disk (ResourceExhausted) for one, nothing of it is left; a process that is
// killed leaves temporary files, which the next call removes. `progress` as of WriteShards.
absl::Status WriteCheckpoint(const CheckpointPlan& plan, const std::string& directory, int threads,
                             const std::function<void(int64_t bytes)>& progress);

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_SYNTHESIZE_H_
