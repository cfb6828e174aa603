// An observer for tests: keeps copies of the last positions of every layer that it watches.
#ifndef RUNNER_MODEL_TESTING_RECORDER_H_
#define RUNNER_MODEL_TESTING_RECORDER_H_

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "runner/capture/observer.h"

namespace forensics::runner {

class Recorder : public Observer {
 public:
  Recorder(std::set<int> layers, int64_t positions)
      : layers_(std::move(layers)), positions_(positions) {}

  bool WantsLayer(int layer) const override { return layers_.count(layer) > 0; }
  void OnHiddenStates(int layer, const at::Tensor& hidden_states) override {
    hidden[layer] = Last(hidden_states, 1);
  }
  void OnKeys(int layer, const at::Tensor& layer_keys) override {
    keys[layer] = Last(layer_keys, 2);
  }
  void OnExperts(int layer, const at::Tensor& layer_experts, const at::Tensor& weights) override {
    experts[layer] = Last(layer_experts, 0);
    expert_weights[layer] = Last(weights, 0);
  }

  std::map<int, at::Tensor> hidden;          // [batch, positions, hidden]
  std::map<int, at::Tensor> keys;            // [batch, kv_heads, positions, head_dim]
  std::map<int, at::Tensor> experts;         // [positions, slots], of the last sequence
  std::map<int, at::Tensor> expert_weights;  // [positions, slots]

 private:
  at::Tensor Last(const at::Tensor& t, int64_t dim) const {
    const int64_t count = std::min(positions_, t.size(dim));
    return t.narrow(dim, t.size(dim) - count, count).clone(at::MemoryFormat::Contiguous);
  }

  std::set<int> layers_;
  int64_t positions_;
};

}  // namespace forensics::runner

#endif  // RUNNER_MODEL_TESTING_RECORDER_H_
