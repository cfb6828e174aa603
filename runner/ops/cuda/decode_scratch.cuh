// Shared memory of the layers' kernel beside the regions that weights and cache are copied to.
#pragma once

#include "runner/ops/cuda/decode_plan.h"
#include "runner/ops/cuda/quantized_tiles.cuh"

namespace forensics {

// A block of keys of one kv head of one sequence; the unit of work.
struct KeyBlock {
  int sequence, head, block;

  KeyBlock() = default;
  // Unit `unit` of batch * kv_heads * active, blocks innermost.
  __device__ KeyBlock(int unit, int kv_heads, int active)
      : sequence(unit / active / kv_heads), head(unit / active % kv_heads), block(unit % active) {}
};

template <typename P>
struct DecodeScratch {
  alignas(16) Nf4Table qkv_table, o_proj_table, gate_up_table, down_table;
  alignas(16) DecodeLayerAddresses layers[3];  // of layer l at l % 3
  float squares[4 * kWarps];                   // of up to four rows at once
  float dots[4 * kWarps];
  unsigned long long copy_barriers[P::kCopyBarriers];
  KeyBlock first_unit;  // of keys, of this block: costs divisions
  // Routing of this layer.
  int ids[kMaxBatch][8];
  float weights[kMaxBatch][8];
  unsigned chosen[4];                                // bit per expert
  unsigned char slot_of[P::D::kExperts][kMaxBatch];  // kNoSlot: not chosen
  int list[64];                                      // the chosen experts
  int count;
  union alignas(16) {
    unsigned char normalised[Smaller(P::kBatch, 4) * (P::D::kHidden * 2 + 16)];
    unsigned char inner[P::kBatch == 1 ? P::kInnerBytes : 16];  // of one token, see down
    float pairs[P::kPairBuffers][kWarps * P::kBatch * 32];      // gate_up: [warp, token, row]
    float rows[P::kRowBuffers][kWarps * P::kBatch * 16];        // qkv, o_proj: [warp, token, row]
    struct {
      float parts[kWarps * P::kBatch * 16];         // [warp, token, row]
      float outputs[P::kBatch * P::D::kSlots][16];  // each slot's row tile
    } down;
    struct {
      unsigned short queries[8][P::D::kHeadDim + 8];
      unsigned short weights[8][kKeyBlock + 8];
      float largest[kKeyBlock / 16][8];
      float totals[kKeyBlock / 16][8];
    } attention;
    struct {
      float values[kWarps][P::D::kHeadDim];
      float largest[kWarps];
      float totals[kWarps];
    } combine;
  };
};

constexpr unsigned char kNoSlot = 255;

}  // namespace forensics
