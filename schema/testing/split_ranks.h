// What the ranks of a run would have captured of a repetition.
#ifndef SCHEMA_TESTING_SPLIT_RANKS_H_
#define SCHEMA_TESTING_SPLIT_RANKS_H_

#include <cstdint>
#include <vector>

#include "schema/run.pb.h"
#include "schema/shard.h"

namespace forensics::schema {

struct RankLayout {
  int tp_size = 1;
  int ep_size = 1;
  int key_heads = 1;  // of which each rank of a tensor-parallel group holds its share, at least one
  int64_t vocab_size = 0;
};

// The shards' contents, by rank: rank r is number r % tp_size of its tensor-parallel group, and
// groups are replicas. Headers and digests are whole; without tensor parallelism there is no part.
std::vector<Repetition> SplitForRanks(const Repetition& whole, const RankLayout& layout);

}  // namespace forensics::schema

#endif  // SCHEMA_TESTING_SPLIT_RANKS_H_
