// Computes and writes the bytes of a checkpoint's shards, on several threads.
#ifndef TESTDATA_SYNTHESIS_SHARD_WRITER_H_
#define TESTDATA_SYNTHESIS_SHARD_WRITER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "testdata/synthesis/shard_file.h"
#include "testdata/synthesis/shard_plan.h"

namespace forensics::synthesis {

// Writes every byte of shards[i] to files[i]; which thread writes what changes nothing. `progress`
// is called now and then, on the calling thread, with the bytes written in all. The first error
// stops all threads.
absl::Status WriteShards(const std::vector<Shard>& shards, const std::vector<ShardFile>& files,
                         int threads, const std::function<void(int64_t bytes)>& progress);

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_SHARD_WRITER_H_
