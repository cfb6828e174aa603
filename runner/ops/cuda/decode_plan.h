// How the layers' kernel cuts a model's products among warps, and where things lie in shared
// memory; C++ and CUDA C++ alike.
#ifndef RUNNER_OPS_CUDA_DECODE_PLAN_H_
#define RUNNER_OPS_CUDA_DECODE_PLAN_H_

#include "runner/ops/cuda/decode_arguments.h"
#include "runner/ops/cuda/group_bytes.h"

namespace forensics {

constexpr int kWarps = 16;
constexpr int kThreads = kWarps * 32;
constexpr int kMaxBatch = 8;

constexpr int Smaller(int a, int b) { return a < b ? a : b; }
constexpr int Larger(int a, int b) { return a > b ? a : b; }

// A product of `rows` by `columns`: `kParts` warps share a row tile, each takes kGroupsPerWarp
// consecutive groups of 128 columns of it; a unit is the kSubTiles row tiles of a block's warps.
template <int rows, int columns>
struct ProductPlan {
  static constexpr int kGroups = columns / 128;
  static constexpr int kParts = Smaller(kWarps, kGroups);
  static constexpr int kGroupsPerWarp = kGroups / kParts;
  static constexpr int kSubTiles = kWarps / kParts;
  static constexpr int kUnits = rows / 16 / kSubTiles;
};

// kBatch: the rows that there is room for; 1, 2, 4 or 8.
template <typename Dims, bool nf4, int batch>
struct DecodePlan {
  using D = Dims;
  static constexpr bool kNf4 = nf4;
  static constexpr int kBatch = batch;
  static constexpr int kGroup = D::kHeads / D::kKvHeads;  // query heads of a kv head
  static constexpr int kAttended = D::kHeads * D::kHeadDim;
  static constexpr int kQkvRows = kAttended + 2 * D::kKvHeads * D::kHeadDim;
  using Qkv = ProductPlan<kQkvRows, D::kHidden>;
  using OProj = ProductPlan<D::kHidden, kAttended>;
  using GateUp = ProductPlan<D::kWidth, D::kHidden>;  // a unit: row tiles of gates and their ups

  // down: kDownParts warps share a row tile of one expert, kRound experts at a time.
  static constexpr int kDownGroups = D::kWidth / 128;
  static constexpr int kDownParts = kDownGroups % 2 == 0 ? 2 : 1;
  static constexpr int kDownGroupsPerWarp = kDownGroups / kDownParts;
  static constexpr int kRound = kWarps / kDownParts;
  static constexpr int kHiddenTiles = D::kHidden / 16;

  // Shared memory, in bytes. Region A: keys and values of a block, or rows of activations, or
  // gate_up, or rows of inner and a round of down; B: qkv; C: o_proj, or down.
  static constexpr int kCell = kGroupBytes<kNf4>;
  static constexpr int kKeyBytes = kKeyBlock * D::kHeadDim * 2;
  static constexpr int kGateUpBytes = kWarps * 2 * kCell;
  static constexpr int kGateUpSlots = kNf4 ? 2 : 3;
  static constexpr int kDownBytes = kWarps * kDownGroupsPerWarp * kCell;
  static constexpr int kOProjBytes = kWarps * OProj::kGroupsPerWarp * kCell;
  static constexpr int kQkvSlots = 3;
  // Rows of activations that a product needs: RowBytes() of tagged_rows.cuh each.
  static constexpr int kInnerBytes = (kBatch * D::kSlots * (D::kWidth * 2 + 16) + 127) / 128 * 128;
  static constexpr int kAttendedBytes = (kBatch * (kAttended * 2 + 16) + 127) / 128 * 128;
  static constexpr int kRegionA = Larger(Larger(2 * kKeyBytes, kGateUpSlots* kGateUpBytes),
                                         Larger(kBatch > 1 ? kInnerBytes : 0, kAttendedBytes));
  static constexpr int kRegionB = kQkvSlots * kWarps * kCell;
  static constexpr int kRegionC = Larger(kOProjBytes, kDownBytes);
  static constexpr int kDynamicShared = kRegionA + kRegionB + kRegionC;
  // Rounds of down in flight: one in region C and, for a batch, one in region A if it has room for
  // that beside the rows of inner at its begin.
  static constexpr int kDownBuffers = kBatch > 1 && kRegionA >= kInnerBytes + kDownBytes ? 2 : 1;

  // Barriers of copies: qkv, o_proj, keys, values, addresses, slots of gate_up, buffers of down.
  static constexpr int kCopyBarriers = 5 + kGateUpSlots + kDownBuffers;

  // Partial sums in shared memory: of how many units at a time.
  static constexpr int kRowBuffers = kBatch <= 4 ? kQkvSlots : 1;
  static constexpr int kPairBuffers = kBatch <= 4 ? 2 : 1;

  static_assert(Qkv::kGroupsPerWarp == 1 && GateUp::kGroupsPerWarp == 1, "a warp has one group");
  static_assert(kGroup <= 8 && D::kHeadDim / 8 <= kWarps && D::kExperts <= 128 && D::kSlots <= 8,
                "see the phases");
};

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_DECODE_PLAN_H_
