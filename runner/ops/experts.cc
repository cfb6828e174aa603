#include "runner/ops/experts.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "runner/ops/dot_lanes.h"
#include "runner/ops/kernel_log.h"
#include "runner/ops/parallel.h"

namespace forensics::runner {
namespace {

// ---- One token: the experts' rows, streamed --------------------------------------------------

constexpr int64_t kGrain = 32768;  // multiplications worth a thread
constexpr int64_t kBlock = 32;     // rows between two roundings

// out[r] = T(weight . x) for `rows` rows of one expert's gate_up.
template <typename T>
FORENSICS_TARGET_CLONES void GateUpRows(const T* x, const T* weight, int64_t in, int64_t rows,
                                        T* out) {
  float sums[kBlock];
  for (int64_t first = 0; first < rows; first += kBlock) {
    const int64_t count = std::min(kBlock, rows - first);
    DotAllRows(x, weight + first * in, in, count, sums);
    for (int64_t r = 0; r < count; ++r) out[first + r] = static_cast<T>(sums[r]);
  }
}

// sum[r] += weight * T(down . x) for one expert's rows of down.
template <typename T>
FORENSICS_TARGET_CLONES void AddDownRows(const T* x, const T* down, int64_t in, int64_t rows,
                                         float weight, float* sum) {
  float sums[kBlock];
  for (int64_t first = 0; first < rows; first += kBlock) {
    const int64_t count = std::min(kBlock, rows - first);
    DotAllRows(x, down + first * in, in, count, sums);
    for (int64_t r = 0; r < count; ++r) {
      sum[first + r] += weight * static_cast<float>(static_cast<T>(sums[r]));
    }
  }
}

// A choice of the router, with the expert's place among those held.
struct Slot {
  int64_t expert;
  float weight;
};

// The slots of the only token whose experts are held, heaviest first.
std::vector<Slot> HeldSlots(const Routing& routing, const ExpertWeights& weights) {
  const int32_t* experts = routing.experts.const_data_ptr<int32_t>();
  const float* slot_weights = routing.weights.const_data_ptr<float>();
  std::vector<Slot> held;
  for (int64_t slot = 0; slot < routing.experts.numel(); ++slot) {
    const int64_t expert = experts[slot] - weights.first;
    if (expert >= 0 && expert < weights.down.size(0)) held.push_back({expert, slot_weights[slot]});
  }
  return held;
}

template <typename T>
at::Tensor MixOneToken(const at::Tensor& x, const Routing& routing, const ExpertWeights& weights,
                       SwiGluFunction swiglu) {
  const int64_t width = weights.down.size(2), hidden = weights.down.size(1);
  const std::vector<Slot> held = HeldSlots(routing, weights);
  if (held.empty()) return at::zeros({1, hidden}, x.options());
  const int64_t slots = static_cast<int64_t>(held.size());
  RecordKernel("experts/own_16_lanes", {{"hidden", hidden}, {"width", width}, {"slots", slots}}, 1);
  at::Tensor out = at::empty({1, hidden}, x.options());
  const T* input = x.const_data_ptr<T>();
  const T* gate_up = weights.gate_up.const_data_ptr<T>();
  const T* down = weights.down.const_data_ptr<T>();
  T* output = out.mutable_data_ptr<T>();
  at::Tensor products = at::empty({slots, 2 * width}, x.options());
  T* product = products.mutable_data_ptr<T>();
  ParallelFor(slots * 2 * width, kGrain / hidden + 1, [&](int64_t begin, int64_t end) {
    while (begin < end) {  // the part of each slot in the range
      const int64_t slot = begin / (2 * width), row = begin % (2 * width);
      const int64_t rows = std::min(2 * width - row, end - begin);
      const T* weight = gate_up + (held[slot].expert * 2 * width + row) * hidden;
      GateUpRows(input, weight, hidden, rows, product + begin);
      begin += rows;
    }
  });
  const at::Tensor inner_rows = swiglu(products);
  const T* inner = inner_rows.const_data_ptr<T>();
  ParallelFor(hidden, kGrain / (slots * width) + 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sum(end - begin);
    for (int64_t slot = 0; slot < slots; ++slot) {
      AddDownRows(inner + slot * width, down + (held[slot].expert * hidden + begin) * width, width,
                  end - begin, held[slot].weight, sum.data());
    }
    std::copy(sum.begin(), sum.end(), output + begin);
  });
  return out;
}

// ---- Many tokens: one product an expert --------------------------------------------------------

constexpr int32_t kNotHeld = -1;

// The (token, slot) pairs whose experts are held, in ascending order of expert, those of one expert
// in token order.
struct Groups {
  std::vector<int64_t> offsets;   // [held + 1]: where each expert's pairs begin
  std::vector<int32_t> pairs;     // token * slots + slot, by place
  std::vector<int32_t> place_of;  // [tokens * slots]: the inverse, or kNotHeld
};

Groups GroupByExpert(const Routing& routing, const ExpertWeights& weights) {
  const int64_t held = weights.down.size(0), pairs = routing.experts.numel();
  const int32_t* experts = routing.experts.const_data_ptr<int32_t>();
  const auto expert_of = [&](int64_t pair) { return experts[pair] - weights.first; };
  const auto is_held = [&](int64_t expert) { return expert >= 0 && expert < held; };
  Groups groups;
  groups.offsets.resize(held + 1);
  for (int64_t pair = 0; pair < pairs; ++pair) {
    if (is_held(expert_of(pair))) ++groups.offsets[expert_of(pair) + 1];
  }
  for (int64_t e = 0; e < held; ++e) groups.offsets[e + 1] += groups.offsets[e];
  groups.pairs.resize(groups.offsets[held]);
  groups.place_of.resize(pairs, kNotHeld);
  std::vector<int64_t> next(groups.offsets.begin(), groups.offsets.end() - 1);
  for (int64_t pair = 0; pair < pairs; ++pair) {
    if (!is_held(expert_of(pair))) continue;
    const int64_t place = next[expert_of(pair)]++;
    groups.pairs[place] = static_cast<int32_t>(pair);
    groups.place_of[pair] = static_cast<int32_t>(place);
  }
  return groups;
}

template <typename T>
at::Tensor GatherTokens(const at::Tensor& x, const Groups& groups, int64_t slots) {
  const int64_t hidden = x.size(1), pairs = static_cast<int64_t>(groups.pairs.size());
  at::Tensor out = at::empty({pairs, hidden}, x.options());
  const T* from = x.const_data_ptr<T>();
  T* to = out.mutable_data_ptr<T>();
  ParallelFor(pairs, 64, [&](int64_t begin, int64_t end) {
    for (int64_t place = begin; place < end; ++place) {
      std::copy_n(from + groups.pairs[place] / slots * hidden, hidden, to + place * hidden);
    }
  });
  return out;
}

// out [hidden] = sum over the slots held of weight * y[place], y [pairs, hidden].
template <typename T>
FORENSICS_TARGET_CLONES void WeightedSum(const T* y, const int32_t* places, const float* weights,
                                         int64_t slots, int64_t hidden, T* out) {
  const int64_t whole = hidden / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    Lanes sum{};
    for (int64_t s = 0; s < slots; ++s) {
      if (places[s] == kNotHeld) continue;
      sum += weights[s] * LoadLanes(y + places[s] * hidden + i);
    }
    StoreLanes(sum, out + i);
  }
  for (int64_t i = whole; i < hidden; ++i) {
    float sum = 0;
    for (int64_t s = 0; s < slots; ++s) {
      if (places[s] == kNotHeld) continue;
      sum += weights[s] * static_cast<float>(y[places[s] * hidden + i]);
    }
    out[i] = static_cast<T>(sum);
  }
}

template <typename T>
at::Tensor MixManyTokens(const at::Tensor& x, const Routing& routing, const ExpertWeights& weights,
                         SwiGluFunction swiglu) {
  const int64_t tokens = x.size(0), hidden = x.size(1), slots = routing.experts.size(1);
  const int64_t width = weights.down.size(2);
  const Groups groups = GroupByExpert(routing, weights);
  const at::Tensor sorted = GatherTokens<T>(x, groups, slots);
  at::Tensor mixed = at::empty_like(sorted);
  for (size_t e = 0; e + 1 < groups.offsets.size(); ++e) {
    const int64_t begin = groups.offsets[e], end = groups.offsets[e + 1];
    if (begin == end) continue;
    RecordKernel("experts/libtorch_mm", {{"in", hidden}, {"out", 2 * width}}, end - begin);
    const at::Tensor inner =
        swiglu(at::mm(sorted.slice(0, begin, end), weights.gate_up.select(0, e).t()));
    RecordKernel("experts/libtorch_mm", {{"in", width}, {"out", hidden}}, end - begin);
    at::Tensor rows = mixed.slice(0, begin, end);
    at::mm_out(rows, inner, weights.down.select(0, e).t());
  }
  RecordKernel("experts/own_weighted_sum", {{"hidden", hidden}, {"slots", slots}}, tokens);
  at::Tensor out = at::empty_like(x);
  const T* from = mixed.const_data_ptr<T>();
  const float* token_weights = routing.weights.const_data_ptr<float>();
  T* to = out.mutable_data_ptr<T>();
  ParallelFor(tokens, 64, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      WeightedSum(from, groups.place_of.data() + t * slots, token_weights + t * slots, slots,
                  hidden, to + t * hidden);
    }
  });
  return out;
}

}  // namespace

at::Tensor MixExperts(const at::Tensor& x, const Routing& routing, const ExpertWeights& weights,
                      SwiGluFunction swiglu) {
  at::Tensor out;
  ForFloatType(x.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    out = x.size(0) == 1 ? MixOneToken<T>(x, routing, weights, swiglu)
                         : MixManyTokens<T>(x, routing, weights, swiglu);
  });
  return out;
}

}  // namespace forensics::runner
