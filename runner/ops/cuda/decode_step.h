// One decode step of a Qwen3-MoE model with 4-bit weights in bfloat16, by our own kernels alone:
// three launches, no operation of libtorch, so that a CUDA graph can hold it.
//
//   decode_begin.cu   embeds the tokens
//   decode_layers.cuh all layers: one block an SM stays for the whole step, streams weights and
//                     cache ahead of their use, and meets the others between phases
//   lm_head.cu        final norm and logits
#ifndef RUNNER_OPS_CUDA_DECODE_STEP_H_
#define RUNNER_OPS_CUDA_DECODE_STEP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "runner/ops/cuda/decode_arguments.h"
#include "runner/ops/cuda/quantized_weight.h"

namespace forensics::runner {

struct DecodeDims {
  int64_t hidden = 0;
  int64_t heads = 0, kv_heads = 0, head_dim = 0;
  int64_t experts = 0, slots = 0;  // slots: experts a token
  int64_t width = 0;               // of an expert
  int64_t vocab = 0;

  bool operator==(const DecodeDims& o) const {
    return hidden == o.hidden && heads == o.heads && kv_heads == o.kv_heads &&
           head_dim == o.head_dim && experts == o.experts && slots == o.slots && width == o.width &&
           vocab == o.vocab;
  }
};

enum class DecodeAttention { kFlash, kEager };

// All tensors are on the GPU, contiguous, bfloat16 where nothing else is said.
struct DecodeLayerTensors {
  at::Tensor input_norm;            // [hidden]
  QuantizedWeight qkv;              // [(heads + 2 kv_heads) head_dim, hidden]
  at::Tensor query_norm, key_norm;  // [head_dim]
  QuantizedWeight o_proj;           // [hidden, heads head_dim]
  at::Tensor post_attention_norm;   // [hidden]
  at::Tensor router;                // [experts, hidden]
  QuantizedWeight gate_up;          // [experts, 2 width, hidden], gates first
  QuantizedWeight down;             // [experts, hidden, width]
  at::Tensor keys, values;          // [batch, kv_heads, capacity, head_dim]: read and appended to

  // Where the step leaves what an observer wants of this layer; undefined: nothing.
  at::Tensor hidden_states;   // [batch, hidden]: the residual stream after the layer
  at::Tensor expert_ids;      // int32 [batch, slots], heaviest first, ties by lower id
  at::Tensor expert_weights;  // float32 [batch, slots], values rounded to bfloat16
};

struct DecodeTensors {
  DecodeDims dims;
  float eps = 0;           // of all norms
  bool normalise = false;  // norm_topk_prob
  DecodeAttention attention = DecodeAttention::kFlash;
  at::Tensor embedding;  // [vocab, hidden]
  std::vector<DecodeLayerTensors> layers;
  at::Tensor final_norm;  // [hidden]
  at::Tensor lm_head;     // [vocab, hidden]; may be `embedding`
  at::Tensor cos, sin;    // float32 [capacity, head_dim / 2], values rounded to bfloat16

  // Set before every step, read by it and left as they are.
  at::Tensor token_ids;  // int64 [batch]
  at::Tensor position;   // int32 [1]: of the tokens being fed, below capacity
  at::Tensor logits;     // [batch, vocab]: the step's result
};

// Between the kernels' phases (decode_arguments.h, whose comments give the shapes); what they hold
// after a step is the last layer's. Tagged words are int32 where they hold a bfloat16, in their
// lower half, and two float32 each where they hold a float32, the first of the two.
struct DecodeScratchTensors {
  at::Tensor counters;
  at::Tensor input, middle, qkv, attended, router_logits, inner;  // tagged
  at::Tensor partial, block_stats;                                // tagged
  at::Tensor residual;
  at::Tensor scores, largest, totals;  // eager attention's
};

class DecodeStep {
 public:
  // Whether there are kernels for a model of these dimensions and this batch, on whatever GPU.
  static bool HasKernels(const DecodeDims& dims, int64_t batch);

  // Whether there are kernels for such a model on the current GPU: the dimensions of Qwen3-30B-A3B
  // and of the small test model, batch 1 to 8; an H100 or more (shared memory, multiprocessors).
  // Throws CudaError.
  static bool Supports(const DecodeDims& dims, int64_t batch);

  // Allocates the workspace and uploads the addresses: not while capturing. The tensors are kept
  // alive. All weights must be of one format. Throws std::invalid_argument that names the tensor,
  // what was expected and found; CudaError.
  explicit DecodeStep(DecodeTensors tensors);

  // Enqueues the step on CurrentStream(). Throws CudaError.
  void Launch() const;

  // Its three parts, for tests and measurements.
  void LaunchBegin() const;
  void LaunchLayers() const;
  void LaunchLmHead() const;

  // What of the choice of kernels can change bits, for the manifest; neither batch nor format can.
  static std::string Variant();

  const DecodeScratchTensors& scratch() const { return scratch_; }

  // From now on the layers' kernel leaves clock64() of its first block at the beginning of each
  // phase: int64 [layers, kDecodePhases].
  void set_clocks(at::Tensor clocks) { clocks_ = std::move(clocks); }

 private:
  DecodeArguments Arguments() const;

  DecodeTensors tensors_;
  int64_t batch_ = 0, capacity_ = 0, key_blocks_ = 0;
  bool nf4_ = false;
  DecodeScratchTensors scratch_;
  at::Tensor table_;       // uint8: DecodeLayerAddresses of each layer
  at::Tensor cache_maps_;  // uint8: CUtensorMap of each layer's keys and values
  at::Tensor clocks_;
};

}  // namespace forensics::runner

#endif  // RUNNER_OPS_CUDA_DECODE_STEP_H_
