#include "runner/ops/cuda/expert_groups.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>

#include "runner/ops/cuda/max_slots.h"
#include "runner/ops/cuda/typed_kernel.h"

extern const nvrtc::Cubins group_by_expert_cubins, scatter_rows_cubins, weighted_sum_cubins;

namespace forensics::runner {
namespace {

const CudaKernel kGroupByExpert(group_by_expert_cubins, "group_by_expert");
const TypedKernel kScatterRows(scatter_rows_cubins, "scatter_rows_bf16", "scatter_rows_f32");
const TypedKernel kWeightedSum(weighted_sum_cubins, "weighted_sum_bf16", "weighted_sum_f32");

constexpr int kGroupThreads = 1024;  // group_by_expert.cu: kWarps

// A block a token, a thread a chunk where the block can be so large.
Launch TokenLaunch(int64_t tokens, int64_t width) {
  Launch launch;
  launch.blocks[0] = tokens;
  launch.threads =
      ToInt(std::min<int64_t>(CeilDivide(CeilDivide(width, kChunkElements), 32) * 32, 1024));
  return launch;
}

void CheckSlots(const at::Tensor& place_of) {
  CheckOnGpu(place_of, "experts: places");
  TORCH_CHECK(
      place_of.dim() == 2 && place_of.size(1) <= kMaxSlots && place_of.scalar_type() == at::kInt,
      "experts: expected int32 [tokens, at most ", kMaxSlots, " slots], found ",
      place_of.scalar_type(), " ", place_of.sizes());
}

}  // namespace

ExpertGroups GroupByExpertCuda(const at::Tensor& ids, int64_t first, int64_t held) {
  CheckSlots(ids);
  ExpertGroups groups{at::empty({held}, ids.options()), at::empty_like(ids)};
  if (held == 0) return groups;
  Launch launch;
  launch.blocks[0] = held;
  launch.threads = kGroupThreads;
  kGroupByExpert(launch, ids.const_data_ptr<int32_t>(), ToInt(ids.numel()), ToInt(first),
                 ToInt(held), groups.ends.mutable_data_ptr<int32_t>(),
                 groups.place_of.mutable_data_ptr<int32_t>());
  return groups;
}

at::Tensor ScatterRowsCuda(const at::Tensor& x, const at::Tensor& place_of) {
  CheckOnGpu(x, "experts: x");
  CheckSlots(place_of);
  const int64_t tokens = x.size(0), width = x.size(1), slots = place_of.size(1);
  at::Tensor out = at::empty({tokens * slots, width}, x.options());
  if (tokens == 0) return out;
  kScatterRows.For(x.scalar_type())(TokenLaunch(tokens, width), x.const_data_ptr(),
                                    place_of.const_data_ptr<int32_t>(), ToInt(slots), ToInt(width),
                                    static_cast<int>(InChunks(width, x, out)),
                                    out.mutable_data_ptr());
  return out;
}

at::Tensor WeightedSumCuda(const at::Tensor& y, const at::Tensor& place_of,
                           const at::Tensor& weights) {
  CheckOnGpu(y, "experts: y");
  CheckSlots(place_of);
  CheckOnGpu(weights, "experts: weights");
  const int64_t tokens = place_of.size(0), slots = place_of.size(1), width = y.size(1);
  at::Tensor out = at::empty({tokens, width}, y.options());
  if (tokens == 0) return out;
  kWeightedSum.For(y.scalar_type())(
      TokenLaunch(tokens, width), y.const_data_ptr(), place_of.const_data_ptr<int32_t>(),
      weights.const_data_ptr<float>(), ToInt(slots), ToInt(width),
      static_cast<int>(InChunks(width, y, out)), out.mutable_data_ptr());
  return out;
}

}  // namespace forensics::runner
