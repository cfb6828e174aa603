#include "runner/ops/router.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <vector>

#include "runner/ops/kernel_log.h"
#include "runner/ops/lanes.h"
#include "runner/ops/parallel.h"

namespace forensics::runner {
namespace {

// probabilities [count] = softmax(logits [count]).
template <typename T>
FORENSICS_TARGET_CLONES void Softmax(const T* logits, int64_t count, float* probabilities) {
  const float lowest = -__builtin_inff();
  Lanes largest = AllLanes(lowest);
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t some = std::min(kLanes, count - i);
    const Lanes x =
        some == kLanes ? LoadLanes(logits + i) : LoadSomeLanes(logits + i, some, lowest);
    largest = MaxOf(x, largest);
  }
  const Lanes shift = AllLanes(MaxLanes(largest));
  Lanes sums{};
  for (int64_t i = 0; i < count; i += kLanes) {
    const int64_t some = std::min(kLanes, count - i);
    const Lanes x =
        some == kLanes ? LoadLanes(logits + i) : LoadSomeLanes(logits + i, some, lowest);
    const Lanes e = ExpLanes(x - shift);
    sums += e;
    StoreSomeLanes(e, probabilities + i, some);
  }
  const float total = SumLanes(sums);
  for (int64_t i = 0; i < count; ++i) probabilities[i] /= total;
}

// Takes the largest `slots` of probabilities [count], which it overwrites.
void TakeLargest(int64_t slots, int64_t count, float* probabilities, int32_t* experts,
                 float* weights) {
  constexpr float kTaken = -1;
  for (int64_t slot = 0; slot < slots; ++slot) {
    int64_t best = -1;
    for (int64_t e = 0; e < count; ++e) {
      if (probabilities[e] == kTaken) continue;
      if (best < 0 || probabilities[e] > probabilities[best]) best = e;
    }
    experts[slot] = static_cast<int32_t>(best);
    weights[slot] = probabilities[best];
    probabilities[best] = kTaken;
  }
}

template <typename T>
void RoundWeights(bool normalise, int64_t slots, float* weights) {
  float sum = 0;
  for (int64_t slot = 0; slot < slots; ++slot) sum += weights[slot];
  for (int64_t slot = 0; slot < slots; ++slot) {
    const float weight = normalise ? weights[slot] / sum : weights[slot];
    weights[slot] = static_cast<float>(static_cast<T>(weight));
  }
}

}  // namespace

Routing RouteTokens(const at::Tensor& logits, int64_t slots, bool normalise) {
  const int64_t tokens = logits.size(0), count = logits.size(1);
  RecordKernel("router/own", {{"experts", count}, {"slots", slots}}, tokens);
  Routing routing{at::empty({tokens, slots}, at::kInt), at::empty({tokens, slots}, at::kFloat)};
  int32_t* all_experts = routing.experts.mutable_data_ptr<int32_t>();
  float* all_weights = routing.weights.mutable_data_ptr<float>();
  ForFloatType(logits.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const T* rows = logits.const_data_ptr<T>();
    ParallelFor(tokens, 64, [&](int64_t begin, int64_t end) {
      std::vector<float> probabilities(count);
      for (int64_t token = begin; token < end; ++token) {
        int32_t* experts = all_experts + token * slots;
        float* weights = all_weights + token * slots;
        Softmax(rows + token * count, count, probabilities.data());
        TakeLargest(slots, count, probabilities.data(), experts, weights);
        RoundWeights<T>(normalise, slots, weights);
      }
    });
  });
  return routing;
}

}  // namespace forensics::runner
