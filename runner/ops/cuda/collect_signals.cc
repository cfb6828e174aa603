#include "runner/ops/cuda/collect_signals.h"

#include <ATen/ops/empty.h>

#include <utility>

#include "runner/ops/cuda/collect_signals_source.h"
#include "runner/ops/cuda/typed_kernel.h"

extern const nvrtc::Cubins collect_signals_cubins;

namespace forensics::runner {
namespace {

const CudaKernel kCollect(collect_signals_cubins, "collect_signals");
constexpr int kThreads = 256;

at::Tensor UploadSources(const std::vector<SignalCollector::Layer>& layers) {
  const int64_t bytes = static_cast<int64_t>(layers.size() * sizeof(SignalSource));
  at::Tensor table = at::empty({bytes}, at::kByte);
  auto* source = reinterpret_cast<SignalSource*>(table.mutable_data_ptr<uint8_t>());
  for (const SignalCollector::Layer& layer : layers) {
    *source++ = {layer.hidden_states.const_data_ptr(), layer.keys.const_data_ptr()};
  }
  return table.to(at::kCUDA);
}

}  // namespace

SignalCollector::SignalCollector(std::vector<Layer> layers, at::Tensor position)
    : layers_(std::move(layers)), position_(std::move(position)), sources_(UploadSources(layers_)) {
  for (const Layer& layer : layers_) {
    CheckOnGpu(layer.hidden_states, "hidden_states");
    CheckOnGpu(layer.keys, "keys");
    TORCH_CHECK(layer.hidden_states.scalar_type() == at::kBFloat16 &&
                    layer.keys.scalar_type() == at::kBFloat16 &&
                    layer.hidden_states.size(1) % kChunkElements == 0 &&
                    layer.keys.size(3) % kChunkElements == 0,
                "collected signals: expected bfloat16 in multiples of 8");
  }
  const at::Tensor& hidden = layers_[0].hidden_states;
  const at::Tensor& keys = layers_[0].keys;
  signals_ = at::empty({static_cast<int64_t>(layers_.size()), hidden.size(0),
                        hidden.size(1) + keys.size(1) * keys.size(3)},
                       at::TensorOptions(at::kBFloat16).pinned_memory(true));
}

void SignalCollector::Launch() const {
  const at::Tensor& hidden = layers_[0].hidden_states;
  const at::Tensor& keys = layers_[0].keys;
  kCollect({{signals_.size(0), signals_.size(1), 1}, kThreads}, sources_.const_data_ptr(),
           position_.const_data_ptr<int>(), signals_.mutable_data_ptr(), ToInt(hidden.size(1)),
           ToInt(keys.size(1)), ToInt(keys.size(2)), ToInt(keys.size(3)));
}

at::Tensor SignalCollector::HiddenStates(int64_t i) const {
  return signals_[i].narrow(1, 0, layers_[i].hidden_states.size(1)).unsqueeze(1);
}

at::Tensor SignalCollector::Keys(int64_t i) const {
  const at::Tensor& keys = layers_[i].keys;
  const int64_t width = keys.size(1) * keys.size(3);
  return signals_[i]
      .narrow(1, signals_.size(2) - width, width)
      .unflatten(1, {keys.size(1), keys.size(3)})
      .unsqueeze(2);
}

}  // namespace forensics::runner
