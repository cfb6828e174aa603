// How a checkpoint's tensors lie in its safetensors files, and the files' headers and index.
#ifndef TESTDATA_SYNTHESIS_SHARD_PLAN_H_
#define TESTDATA_SYNTHESIS_SHARD_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "testdata/synthesis/tensor_plan.h"

namespace forensics::synthesis {

struct PlacedTensor {
  PlannedTensor tensor;
  int64_t offset = 0;  // of its bytes in the file
};

struct Shard {
  std::string file_name;  // model-00001-of-00004.safetensors, or model.safetensors if it is alone
  std::string header;     // the file up to the first tensor's bytes
  std::vector<PlacedTensor> tensors;
  int64_t file_bytes = 0;
};

// Deals `tensors` out in their order, to as few shards of at most `max_bytes` of weights as can be
// and of about the same size; only a tensor that is larger makes a larger one. Within a shard they
// lie as the safetensors library puts them: wide dtypes first, so that all are aligned.
std::vector<Shard> PlanShards(std::vector<PlannedTensor> tensors, int64_t max_bytes);

// model.safetensors.index.json.
std::string IndexJson(const std::vector<Shard>& shards);

}  // namespace forensics::synthesis

#endif  // TESTDATA_SYNTHESIS_SHARD_PLAN_H_
