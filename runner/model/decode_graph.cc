#include "runner/model/decode_graph.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include "runner/cuda/stream.h"
#include "runner/ops/kernel_log.h"

namespace forensics::runner {
namespace {

at::TensorOptions OnGpu(at::ScalarType dtype) { return at::TensorOptions(at::kCUDA).dtype(dtype); }

// Where each layer leaves what observers may want.
void AddResults(const DecodeDims& dims, int64_t batch, DecodeTensors& tensors) {
  for (DecodeLayerTensors& layer : tensors.layers) {
    layer.hidden_states = at::empty({batch, dims.hidden}, OnGpu(at::kBFloat16));
    layer.expert_ids = at::empty({batch, dims.slots}, OnGpu(at::kInt));
    layer.expert_weights = at::empty({batch, dims.slots}, OnGpu(at::kFloat));
  }
  tensors.logits = at::empty({batch, dims.vocab}, OnGpu(at::kBFloat16));
}

std::set<int> LayersWantedBy(const Observer* observer, int layers) {
  std::set<int> wanted;
  for (int layer = 0; observer != nullptr && layer < layers; ++layer) {
    if (observer->WantsLayer(layer)) wanted.insert(layer);
  }
  return wanted;
}

void CheckChangesNothing(const Observer* observer, int layers) {
  for (int layer = 0; observer != nullptr && layer < layers; ++layer) {
    if (!observer->ChangesHiddenStates(layer)) continue;
    throw std::invalid_argument(
        "a captured decode step shows no layer while it computes: on a GPU a bit flip can be "
        "planted in the prefill (step 0), or in any step with --decode_graph=false");
  }
}

}  // namespace

DecodeGraph::DecodeGraph(DecodeTensors tensors, const KvCache& cache)
    : tensors_(std::move(tensors)) {
  const int64_t batch = cache.batch();
  host_input_ = at::empty({batch + 1}, at::TensorOptions(at::kLong).pinned_memory(true));
  input_ = at::empty({batch + 1}, OnGpu(at::kLong));
  tensors_.token_ids = input_.narrow(0, 0, batch);
  tensors_.position = input_.narrow(0, batch, 1).view(at::kInt).narrow(0, 0, 1);
  AddResults(tensors_.dims, batch, tensors_);
  step_ = std::make_unique<DecodeStep>(tensors_);
}

void DecodeGraph::Prepare(Observer* observer) {
  std::set<int> wanted = LayersWantedBy(observer, static_cast<int>(tensors_.layers.size()));
  if (graph_ == nullptr || wanted != watched_) Capture(std::move(wanted));
}

void DecodeGraph::Capture(std::set<int> watched) {
  graph_ = nullptr;  // it writes to what `signals_` holds
  std::vector<SignalCollector::Layer> layers;
  for (const int layer : watched) {
    layers.push_back({tensors_.layers[layer].hidden_states, tensors_.layers[layer].keys});
  }
  signals_ =
      layers.empty() ? nullptr : std::make_unique<SignalCollector>(layers, tensors_.position);
  graph_ = CudaGraph::Capture([this] {
    const auto address = [](const at::Tensor& t) {
      return reinterpret_cast<CUdeviceptr>(t.data_ptr());
    };
    CheckCuda(Cuda().cuMemcpyAsync(address(input_), address(host_input_), input_.nbytes(),
                                   CurrentStream()),
              "copying token ids");
    step_->Launch();
    if (signals_ != nullptr) signals_->Launch();
  });
  watched_ = std::move(watched);
}

at::Tensor DecodeGraph::Step(const at::Tensor& token_ids, const KvCache& cache,
                             Observer* observer) {
  const DecodeDims& dims = tensors_.dims;
  RecordKernel("decode_step/cuda_graph", {{"hidden", dims.hidden}, {"width", dims.width}},
               cache.batch());
  CheckChangesNothing(observer, static_cast<int>(tensors_.layers.size()));
  Prepare(observer);
  auto* input = host_input_.mutable_data_ptr<int64_t>();
  std::copy_n(token_ids.const_data_ptr<int64_t>(), cache.batch(), input);
  input[cache.batch()] = cache.length();
  graph_->Replay();
  WaitForCurrentStream();
  if (observer != nullptr) Show(*observer);
  return tensors_.logits.unsqueeze(1);
}

void DecodeGraph::Show(Observer& observer) const {
  int64_t i = 0;
  for (const int layer : watched_) {
    observer.OnHiddenStates(layer, signals_->HiddenStates(i));
    observer.OnKeys(layer, signals_->Keys(i));
    observer.OnExperts(layer, tensors_.layers[layer].expert_ids,
                       tensors_.layers[layer].expert_weights);
    ++i;
  }
  for (size_t layer = 0; layer < tensors_.layers.size(); ++layer) {
    observer.AfterLayer(static_cast<int>(layer));
  }
}

}  // namespace forensics::runner
