// Which part of the model a rank holds.
#ifndef RUNNER_PARALLEL_SHARDING_H_
#define RUNNER_PARALLEL_SHARDING_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/checkpoint/model_config.h"
#include "runner/parallel/range.h"

namespace forensics::runner {

// Tensor parallelism (Megatron-LM, Shoeybi et al. 2019): query heads, key-value heads, the width of
// every MLP and expert, and the vocabulary of the head are cut; embedding, router and norms are
// replicated. Where there are fewer key-value heads than ranks, neighbours share one. Expert
// parallelism: whole experts are dealt out in consecutive blocks, all else is replicated.
struct Sharding {
  int tp_size = 1;
  int ep_size = 1;
  int rank = 0;  // of tp_size or ep_size, whichever is cut

  bool IsWhole() const { return tp_size == 1 && ep_size == 1; }
  Range QueryHeads(const ModelConfig& config) const;
  Range KeyValueHeads(const ModelConfig& config) const;
  Range KeyElements(const ModelConfig& config) const;  // of a position's concatenated keys
  Range Width(int64_t width) const;                    // of an MLP or of every expert
  Range Experts(const ModelConfig& config) const;
  Range Vocabulary(const ModelConfig& config) const;
  std::vector<int64_t> VocabularySizes(const ModelConfig& config) const;  // of all ranks
};

// InvalidArgument, with both numbers, where `config` cannot be cut so: heads that do not divide,
// more ranks than experts or than columns, experts of a dense model, both kinds at once.
absl::Status CheckSharding(const ModelConfig& config, const Sharding& sharding);

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_SHARDING_H_
