// The decoder of Qwen3-MoE, Qwen3 and Llama checkpoints, on the CPU or a GPU.
//
// Goals: the arithmetic of Hugging Face transformers (its roundings to the compute dtype, its
// choice of what is float32), run-to-run determinism, and speed from reading every weight and
// cached key once. Not goals: training, padding, sequences of unequal length in a batch.
//
// Which bits may depend on the machine: docs/numerics.md.
#ifndef RUNNER_MODEL_DECODER_MODEL_H_
#define RUNNER_MODEL_DECODER_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runner/capture/observer.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/model/decode_graph.h"
#include "runner/model/decoder_layer.h"
#include "runner/model/fused_ops.h"
#include "runner/model/kv_cache.h"
#include "runner/model/load_context.h"
#include "runner/model/projection.h"
#include "runner/ops/attention.h"
#include "runner/parallel/communicator.h"
#include "runner/parallel/sharding.h"

namespace forensics::runner {

struct ModelOptions {
  at::ScalarType dtype = at::kBFloat16;  // of weights, activations and cache: f32, bf16 or f16
  std::string attention_impl = "flash_attention_2";
  std::shared_ptr<const FusedOps> ops =
      nullptr;  // of the checkpoint's dimensions; null: ReferenceOps
  // The part that this rank holds, and the ranks that hold the others; the communicator must
  // outlive the model. Null: this process holds all of it.
  Sharding sharding = {};
  Communicator* communicator = nullptr;
  at::Device device = at::kCPU;  // where weights, activations and cache are: the CPU or a GPU
  // Whether NewDecodeGraph may return one. Without, a decode step takes the way of a prefill, as
  // it has to with compiled ops: what those are to be compared with.
  bool decode_graph = true;
};

// Whether a model of these dimensions can be loaded so: InvalidArgument for another dtype or a
// sharding that does not fit, NotFound for an unknown attention_impl.
absl::Status CheckOptions(const ModelConfig& config, const ModelOptions& options);

// Whether own kernels compute the decode step of `batch` sequences, as one graph. A checkpoint
// whose weights cannot be kept in 4 bits (runner/ops/cuda/tile_fit.h) has none nevertheless. On a
// GPU it has been started.
bool MayDecodeByGraph(const ModelConfig& config, const ModelOptions& options, int64_t batch);

// Which kernels run with sound options, for the manifest; what of machine and library can change
// bits is MachineSettings() (runner/engine/machine.h).
std::map<std::string, std::string> SettingsOf(const ModelConfig& config,
                                              const ModelOptions& options);

class DecoderModel {
 public:
  // Called after each loaded layer with the layers done and their total.
  using LoadProgress = std::function<void(int64_t done, int64_t total)>;

  // Errors are those of CheckOptions, and the checkpoint's.
  static absl::StatusOr<std::unique_ptr<DecoderModel>> Load(const Checkpoint& checkpoint,
                                                            const ModelOptions& options,
                                                            const LoadProgress& progress = {});

  const ModelConfig& config() const { return config_; }
  const ModelOptions& options() const { return options_; }

  // An empty cache for `batch` sequences of up to `capacity` positions.
  absl::StatusOr<KvCache> NewCache(int64_t batch, int64_t capacity) const;

  // The decode step of `cache` as a CUDA graph; null where there are no kernels of our own for it:
  // on the CPU, in float32, for weights that are not in 4 bits, other dimensions, compiled ops, a
  // part of a sharded model, or against the options. The model must outlive it. Throws CudaError.
  std::unique_ptr<DecodeGraph> NewDecodeGraph(const KvCache& cache) const;

  // Whether Forward takes these: see there.
  absl::Status CheckInput(const at::Tensor& token_ids, int64_t logits_to_keep,
                          const KvCache& cache) const;

  // Feeds token_ids [batch, tokens] int64, the positions after cache.length(), and appends them to
  // the cache. Returns the logits of the last `logits_to_keep` of them, [batch, logits_to_keep,
  // vocab] in the compute dtype (as Hugging Face: a log-softmax widens first). `observer` may be
  // null. InvalidArgument for a wrong shape, dtype, batch, id or logits_to_keep; OutOfRange if the
  // cache has no room. After an error the cache is as it was.
  absl::StatusOr<at::Tensor> Forward(const at::Tensor& token_ids, int64_t logits_to_keep,
                                     KvCache& cache, Observer* observer) const;

 private:
  DecoderModel() = default;

  absl::Status LoadLayers(const LoadContext& context, const LoadProgress& progress);
  absl::Status LoadEnds(const LoadContext& context);
  at::Tensor Logits(const at::Tensor& normalised) const;

  // Takes the residual stream `hidden` through all layers; returns its final norm.
  at::Tensor RunLayers(at::Tensor& hidden, const ForwardPass& pass, Observer* observer) const;

  // The norm that follows layer `layer`: the next layer's, or the final one.
  const at::Tensor& NormAfter(int layer) const;

  ModelConfig config_;
  ModelOptions options_;
  AttentionFunction attention_ = nullptr;
  at::Tensor embedding_;  // [vocab, hidden]
  std::vector<DecoderLayer> layers_;
  at::Tensor final_norm_;  // [hidden]
  Projection head_;        // this rank's part of the vocabulary
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_DECODER_MODEL_H_
