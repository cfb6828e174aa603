// What the host gives the kernels of a decode step (decode_step.h); C++ and CUDA C++ alike.
#ifndef RUNNER_OPS_CUDA_DECODE_ARGUMENTS_H_
#define RUNNER_OPS_CUDA_DECODE_ARGUMENTS_H_

namespace forensics {

// The dimensions that kernels are compiled for.
struct Qwen3_30bA3b {
  static constexpr int kHidden = 2048;
  static constexpr int kHeads = 32, kKvHeads = 4, kHeadDim = 128;
  static constexpr int kExperts = 128, kSlots = 8, kWidth = 768;
};
struct MiniQwen3Moe {
  static constexpr int kHidden = 256;
  static constexpr int kHeads = 8, kKvHeads = 4, kHeadDim = 32;
  static constexpr int kExperts = 8, kSlots = 2, kWidth = 128;
};

// Positions that one block attends to at a time: what fixes the bits of decode attention.
constexpr int kKeyBlock = 192;

// A block of keys or values is copied in boxes of so many elements of a row: what the copy engine
// can permute so that the chunks of eight rows lie in different banks (64- or 128-byte swizzle).
constexpr int BoxElements(int head_dim) { return head_dim < 64 ? head_dim : 64; }
constexpr int kTensorMapBytes = 128;

// What CUDA 11 has for a CUtensorMap of a cache (thread_copy.cuh): its rows [count, columns].
struct alignas(kTensorMapBytes) CacheRows {
  const unsigned short* first;
  int count, columns;
  int box_columns;
};

// What tags of results have room for (tagged.cuh).
constexpr unsigned kMostDecodeLayers = 126;

// A QuantizedWeight's addresses.
struct WeightAddresses {
  const void* tiles;
  const void* scales;
  const float* levels;
};

// Of one layer; bfloat16 as unsigned short. The shapes are those of DecodeLayerTensors.
struct DecodeLayerAddresses {
  const unsigned short* input_norm;
  WeightAddresses qkv;
  const unsigned short* query_norm;
  const unsigned short* key_norm;
  WeightAddresses o_proj;
  const unsigned short* post_attention_norm;
  const unsigned short* router;
  WeightAddresses gate_up;
  WeightAddresses down;
  unsigned short* keys;
  unsigned short* values;
  unsigned short* hidden_states;  // null: not wanted
  int* expert_ids;                // null: not wanted
  float* expert_weights;
};

struct DecodeArguments {
  const DecodeLayerAddresses* layers;  // [layer_count]
  const char* cache_maps;              // CUtensorMap, or CacheRows, [layer_count, 2]: keys, values
  int layer_count;
  int batch;
  int capacity;
  int key_blocks;  // capacity / kKeyBlock, rounded up
  float eps;
  int normalise;  // divide the chosen experts' probabilities by their sum
  int eager;
  const int* position;  // [1]
  const float* cos;     // [capacity, head_dim / 2]
  const float* sin;

  // Of the grid's barrier; steps begun. [2]
  unsigned* counters;

  // Results of a phase for the next ones. "Tagged": words of tagged.cuh, 32 bits a bfloat16, 64
  // bits a float32.
  unsigned* input;           // tagged [batch, hidden]: the residual stream before a layer
  unsigned* middle;          // tagged [batch, hidden]: and after its attention
  unsigned short* residual;  // [batch, hidden]: after the last layer
  unsigned* qkv;             // tagged [batch, (heads + 2 kv_heads) head_dim]
  float* partial;            // tagged [batch, kv_heads, key_blocks, group, head_dim]
  float* block_stats;        // tagged [batch, kv_heads, key_blocks, group, 2]
  unsigned* attended;        // tagged [batch, heads head_dim]
  unsigned* router_logits;   // tagged [batch, experts]
  unsigned* inner;           // tagged [batch, slots, width]
  unsigned short* scores;    // eager: [batch, heads, key_blocks, kKeyBlock]
  float* largest;            // eager: [batch, kv_heads, key_blocks, group]
  float* totals;             // likewise

  long long* clocks;  // null, or [layer_count, kDecodePhases]: clock64() as a phase begins
};

// What a layer's barriers separate: norm and qkv; scores and values; the combination of key blocks;
// o_proj; router; gate_up; down.
constexpr int kDecodePhases = 7;

}  // namespace forensics

#endif  // RUNNER_OPS_CUDA_DECODE_ARGUMENTS_H_
