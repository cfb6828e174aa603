#include "runner/ops/emulated/decode_step.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/warp.h"
#include "runner/ops/tensor_core/product.h"
#include "runner/ops/tensor_core/special_functions.h"

namespace forensics::runner {
namespace {

constexpr int64_t kWarps = 16;
constexpr int64_t kThreadColumns = 4;
constexpr int64_t kHeadWarpColumns = 256;  // of a warp of the head's product
using Row = std::vector<uint16_t>;

Row RoundedRow(const std::vector<float>& sums) {
  Row row(sums.size());
  std::transform(sums.begin(), sums.end(), row.begin(), ToBfloat16);
  return row;
}

// The sum of a[i] * b[i] as the norms' and the router's threads add it up: four columns a thread.
float RowDot(const uint16_t* a, const uint16_t* b, int64_t width) {
  float total = 0;
  constexpr int64_t kWarpColumns = kWarp * kThreadColumns;
  for (int64_t warp = 0; warp < width / kWarpColumns; ++warp) {
    std::array<float, kWarp> lanes = {};
    for (int64_t i = 0; i < kWarpColumns; ++i) {
      const int64_t column = warp * kWarpColumns + i;
      float& sum = lanes[i / kThreadColumns];
      // From the first's product, not from +0, which would lose the sign of -0.
      sum = i % kThreadColumns == 0 ? Widen(a[column]) * Widen(b[column])
                                    : std::fma(Widen(a[column]), Widen(b[column]), sum);
    }
    const float of_warp = WarpSum(lanes);
    total = warp == 0 ? of_warp : total + of_warp;
  }
  return total;
}

Row Scaled(const Row& x, float scale, const uint16_t* weight) {
  Row normal(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    normal[i] = ToBfloat16(Rounded(Widen(x[i]) * scale) * Widen(weight[i]));
  }
  return normal;
}

float ScaleOf(float squares, int64_t width, float eps) {
  return ApproximateReciprocalSqrt(squares * (1.0f / static_cast<float>(width)) + eps);
}

Row Norm(const Row& x, const uint16_t* weight, float eps) {
  const int64_t width = static_cast<int64_t>(x.size());
  return Scaled(x, ScaleOf(RowDot(x.data(), x.data(), width), width, eps), weight);
}

Row Multiply(const QuantizedMatrix& weight, const Row& x, int64_t warps) {
  return RoundedRow(weight.Multiply(x.data(), 1, ConsecutiveGroups(weight.columns(), warps)));
}

void AddTo(Row& residual, const Row& x) {
  for (size_t i = 0; i < x.size(); ++i) {
    residual[i] = ToBfloat16(Widen(residual[i]) + Widen(x[i]));
  }
}

// ---- Attention
// -----------------------------------------------------------------------------------

Row Attend(const EmulatedDecodeModel& model, const EmulatedDecodeLayer& layer, const Row& qkv,
           int64_t position, int64_t sequence) {
  const EmulatedDecodeDims& d = model.dims;
  const int64_t dim = d.head_dim, group = d.heads / d.kv_heads;
  const float* cos = model.cos + position * dim / 2;
  const float* sin = model.sin + position * dim / 2;
  Row attended(d.heads * dim), queries(group * dim);
  for (int64_t kv = 0; kv < d.kv_heads; ++kv) {
    const uint16_t* key = qkv.data() + (d.heads + kv) * dim;
    const int64_t cached = (sequence * d.kv_heads + kv) * model.capacity * dim;
    uint16_t* keys = layer.keys + cached;
    uint16_t* values = layer.values + cached;
    TurnHeadTwin(key, layer.key_norm, model.eps, cos, sin, dim, keys + position * dim);
    std::copy_n(key + d.kv_heads * dim, dim, values + position * dim);
    for (int64_t i = 0; i < group; ++i) {
      TurnHeadTwin(qkv.data() + (kv * group + i) * dim, layer.query_norm, model.eps, cos, sin, dim,
                   queries.data() + i * dim);
    }
    DecodeAttentionTwin(model.core, model.attention, queries.data(), group, keys, values, position,
                        dim, attended.data() + kv * group * dim);
  }
  return attended;
}

// ---- Experts
// -------------------------------------------------------------------------------------

struct Choice {
  std::vector<int64_t> experts;  // heaviest first, ties by lower id
  std::vector<float> weights;
};

Choice ChooseExperts(const EmulatedDecodeModel& model, const EmulatedDecodeLayer& layer,
                     const Row& x) {
  const EmulatedDecodeDims& d = model.dims;
  std::vector<float> logits(d.experts);
  std::vector<int64_t> order(d.experts);
  for (int64_t e = 0; e < d.experts; ++e) {
    logits[e] = Rounded(RowDot(x.data(), layer.router + e * d.hidden, d.hidden));
    order[e] = e;
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return logits[a] > logits[b]; });
  const auto exponential = [&](int64_t e) { return ApproximateExp(logits[e] - logits[order[0]]); };
  std::array<float, kWarp> lanes = {};
  const int64_t per_lane = std::max<int64_t>(d.experts / kWarp, 1);
  for (int64_t i = 0; i < (model.normalise ? d.slots : d.experts); ++i) {
    if (model.normalise) {
      lanes[i] = exponential(order[i]);
    } else {
      lanes[i / per_lane] += exponential(i);
    }
  }
  const float inverse = ApproximateReciprocal(WarpSum(lanes));
  Choice choice;
  for (int64_t slot = 0; slot < d.slots; ++slot) {
    choice.experts.push_back(order[slot]);
    choice.weights.push_back(Rounded(exponential(order[slot]) * inverse));
  }
  return choice;
}

// An expert's output [hidden] for x [hidden].
Row RunExpert(const QuantizedMatrix& gate_up, const QuantizedMatrix& down, const Row& x) {
  const Row both = Multiply(gate_up, x, kWarps);
  const size_t width = both.size() / 2;
  Row inner(width);
  for (size_t i = 0; i < width; ++i) {
    const float gate = Widen(both[i]);
    const float silu = Rounded(gate * ApproximateReciprocal(1.0f + ApproximateExp(-gate)));
    inner[i] = ToBfloat16(silu * Widen(both[width + i]));
  }
  const int64_t groups = down.columns() / kGroupColumns;
  return Multiply(down, inner, groups % 2 == 0 ? 2 : 1);
}

Row MixExperts(const EmulatedDecodeModel& model, const EmulatedDecodeLayer& layer, const Row& x) {
  const Choice choice = ChooseExperts(model, layer, x);
  std::vector<float> sums(x.size());
  for (size_t slot = 0; slot < choice.experts.size(); ++slot) {
    const int64_t expert = choice.experts[slot];
    const Row output = RunExpert(*layer.gate_up[expert], *layer.down[expert], x);
    for (size_t i = 0; i < sums.size(); ++i) {
      const float product = choice.weights[slot] * Widen(output[i]);
      sums[i] += product;
    }
  }
  return RoundedRow(sums);
}

// ---- Head
// ----------------------------------------------------------------------------------------

// In a warp's 256 columns lane q has 32 i + 8 q + 0..7; of each eight the first four are the even
// instructions' and the others the odd ones'.
float HeadSquares(const Row& x) {
  float total = 0;
  for (size_t warp = 0; warp < x.size() / kHeadWarpColumns; ++warp) {
    std::array<float, 4> lanes;
    for (int64_t q = 0; q < 4; ++q) {
      float chains[2] = {0, 0};
      for (int64_t i = 0; i < 8; ++i) {
        for (int64_t j = 0; j < 8; ++j) {
          const float value = Widen(x[warp * kHeadWarpColumns + 32 * i + 8 * q + j]);
          chains[i % 2] = std::fma(value, value, chains[i % 2]);
        }
      }
      lanes[q] = chains[0] + chains[1];
    }
    const float of_warp = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    total = warp == 0 ? of_warp : total + of_warp;
  }
  return total;
}

// The columns of a row as the chains take them: a warp's first chain, then its second.
Row HeadOrder(const uint16_t* row, int64_t width) {
  Row ordered;
  ordered.reserve(width);
  for (int64_t warp = 0; warp < width; warp += kHeadWarpColumns) {
    for (int64_t chain = 0; chain < 2; ++chain) {
      for (int64_t i = 0; i < 8; ++i) {
        for (int64_t q = 0; q < 4; ++q) {
          const uint16_t* from = row + warp + 32 * i + 8 * q + 4 * chain;
          ordered.insert(ordered.end(), from, from + 4);
        }
      }
    }
  }
  return ordered;
}

Row Logits(const EmulatedDecodeModel& model, const Row& residual) {
  const int64_t hidden = model.dims.hidden, vocab = model.dims.vocab;
  const float scale = ScaleOf(HeadSquares(residual), hidden, model.eps);
  const Row x = HeadOrder(Scaled(residual, scale, model.final_norm).data(), hidden);
  Row weight;
  weight.reserve(vocab * hidden);
  for (int64_t row = 0; row < vocab; ++row) {
    const Row ordered = HeadOrder(model.lm_head + row * hidden, hidden);
    weight.insert(weight.end(), ordered.begin(), ordered.end());
  }
  const PackedColumns packed(model.core, InputFormat::kBfloat16, weight.data(), vocab, hidden,
                             hidden);
  const ChainProduct product(model.core, InputFormat::kBfloat16);
  std::vector<float> sums(vocab), chains[2];
  for (int64_t warp = 0; warp < hidden; warp += kHeadWarpColumns) {
    for (int64_t chain = 0; chain < 2; ++chain) {
      const int64_t begin = warp + chain * kHeadWarpColumns / 2;
      chains[chain].assign(vocab, 0.0f);
      product.Run(x.data(), hidden, 1, packed, 0, vocab, begin, begin + kHeadWarpColumns / 2,
                  chains[chain].data(), vocab);
    }
    for (int64_t i = 0; i < vocab; ++i) {
      const float of_warp = chains[0][i] + chains[1][i];
      sums[i] = warp == 0 ? of_warp : sums[i] + of_warp;
    }
  }
  return RoundedRow(sums);
}

}  // namespace

EmulatedStep DecodeStepTwin(const EmulatedDecodeModel& model, const uint16_t* embedding,
                            int64_t position, int64_t sequence) {
  EmulatedStep step;
  Row residual(embedding, embedding + model.dims.hidden);
  for (const EmulatedDecodeLayer& layer : model.layers) {
    const Row qkv = Multiply(*layer.qkv, Norm(residual, layer.input_norm, model.eps), kWarps);
    AddTo(residual, Multiply(*layer.o_proj, Attend(model, layer, qkv, position, sequence), kWarps));
    AddTo(residual, MixExperts(model, layer, Norm(residual, layer.post_attention_norm, model.eps)));
    step.hidden_states.push_back(residual);
  }
  step.logits = Logits(model, residual);
  return step;
}

}  // namespace forensics::runner
