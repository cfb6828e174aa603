// One repetition out of what its ranks captured.
#ifndef SCHEMA_RANK_JOIN_H_
#define SCHEMA_RANK_JOIN_H_

#include <vector>

#include "absl/status/statusor.h"
#include "schema/run.pb.h"
#include "schema/shard.h"

namespace forensics::schema {

// Number of processes of a run: tp_size * ep_size, where a size that is not set counts as 1.
int WorldSize(const RunConfig& config);

// Joins the ranks of one repetition, `ranks[i]` being rank i of ranks.size():
//  * headers: config_id, work_digest, repetition and world_size are the same, ranks are 0..W-1;
//  * steps (token_id, fed_token_id, token_text), positions and layers are the same on all ranks;
//  * hidden states are replicated: the same bits on every rank;
//  * keys: ranks of equal ShardHeader.part range hold the same bits, and the ranges follow one
//    another from 0 without gap or overlap;
//  * log-probs: ranks of equal vocabulary range hold the same entries. Ranges that are parts follow
//    one another from 0, hold only their own token ids, and their `slots` are 0..k-1, each once; a
//    range that all ranks share has no slots.
// A shard without `part` holds everything; either all ranks have one or none has.
//
// The result reads like a single process's repetition: header of rank 0 without `part`; times,
// load and each step's seconds of rank 0's clock (ranks wait for one another in every layer);
// kernels of all ranks (calls added up, rows from the least to the most); signals_sha256 over the
// joined signals. DataLoss names what contradicts: position, layer, signal, ranks, and of replicas
// the first element that differs with both bit patterns.
absl::StatusOr<Repetition> JoinRanks(const std::vector<Repetition>& ranks);

}  // namespace forensics::schema

#endif  // SCHEMA_RANK_JOIN_H_
