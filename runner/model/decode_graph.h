// The decode step of a model whose layers our own kernels can compute, as one CUDA graph.
#ifndef RUNNER_MODEL_DECODE_GRAPH_H_
#define RUNNER_MODEL_DECODE_GRAPH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <set>

#include "runner/capture/observer.h"
#include "runner/cuda/graph.h"
#include "runner/model/kv_cache.h"
#include "runner/ops/cuda/collect_signals.h"
#include "runner/ops/cuda/decode_step.h"

namespace forensics::runner {

// Of one cache. The position lies in the GPU's memory, so one graph serves all steps; signals are
// part of it, so watching costs a few copies.
class DecodeGraph {
 public:
  // `tensors` of a model and of `cache`, but for inputs and results, which the graph adds.
  DecodeGraph(DecodeTensors tensors, const KvCache& cache);

  // Feeds token_ids int64 [batch, 1] on the CPU at position cache.length() and returns when the
  // logits [batch, 1, vocab] are there: on the GPU, overwritten by the next step. The cache is not
  // advanced. The graph is captured when `observer`, which may be null, wants other layers than the
  // last one did. Throws CudaError; std::invalid_argument where the observer changes hidden states.
  at::Tensor Step(const at::Tensor& token_ids, const KvCache& cache, Observer* observer);

  // Captures for the layers that `observer` wants, unless that is done: ahead of the first step.
  void Prepare(Observer* observer);

  // Replays the last step once more: for measurements.
  void Replay() const { graph_->Replay(); }

 private:
  void Capture(std::set<int> watched);
  void Show(Observer& observer) const;

  DecodeTensors tensors_;
  at::Tensor host_input_;  // pinned int64 [batch + 1]: token ids, position
  at::Tensor input_;       // the same on the GPU
  std::unique_ptr<DecodeStep> step_;
  std::set<int> watched_;
  std::unique_ptr<SignalCollector> signals_;  // null: no layer is watched
  std::unique_ptr<CudaGraph> graph_;          // null: not captured yet
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_DECODE_GRAPH_H_
