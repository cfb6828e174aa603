#include "runner/ops/emulated/decode_step.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/column_blocks.h"
#include "runner/ops/emulated/quantized_matrix.h"
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

void AddTo(Row& residual, const Row& x) {
  for (size_t i = 0; i < x.size(); ++i) {
    residual[i] = ToBfloat16(Widen(residual[i]) + Widen(x[i]));
  }
}

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

// rows [count, width] with their columns as the chains take them: a warp's first chain, then its
// second.
Row HeadOrder(const uint16_t* rows, int64_t count, int64_t width) {
  Row ordered(count * width);
  auto out = ordered.begin();
  for (int64_t warp = 0; warp < count * width; warp += kHeadWarpColumns) {
    for (int64_t chain = 0; chain < 2; ++chain) {
      for (int64_t i = 0; i < 8; ++i) {
        for (int64_t q = 0; q < 4; ++q) {
          out = std::copy_n(rows + warp + 32 * i + 8 * q + 4 * chain, 4, out);
        }
      }
    }
  }
  return ordered;
}

// weight [rows, hidden] times x [hidden], both in that order -> [rows].
std::vector<float> HeadSums(const TensorCore& core, const Row& x, const Row& weight) {
  const auto hidden = static_cast<int64_t>(x.size());
  const int64_t rows = static_cast<int64_t>(weight.size()) / hidden;
  const PackedColumns packed(core, InputFormat::kBfloat16, weight.data(), rows, hidden, hidden);
  const ChainProduct product(core, InputFormat::kBfloat16);
  std::vector<float> sums(rows), chains[2];
  for (int64_t warp = 0; warp < hidden; warp += kHeadWarpColumns) {
    for (int64_t chain = 0; chain < 2; ++chain) {
      const int64_t begin = warp + chain * kHeadWarpColumns / 2;
      chains[chain].assign(rows, 0.0f);
      product.Run(x.data(), hidden, 1, packed, 0, rows, begin, begin + kHeadWarpColumns / 2,
                  chains[chain].data(), rows);
    }
    for (int64_t i = 0; i < rows; ++i) {
      const float of_warp = chains[0][i] + chains[1][i];
      sums[i] = warp == 0 ? of_warp : sums[i] + of_warp;
    }
  }
  return sums;
}

class Step {
 public:
  Step(const EmulatedDecodeModel& model, int64_t position, int64_t sequence,
       ParallelForFunction parallel_for)
      : model_(model),
        d_(model.dims),
        position_(position),
        sequence_(sequence),
        parallel_for_(parallel_for) {}

  // The residual stream [hidden] through a layer.
  absl::Status RunLayer(const EmulatedDecodeLayer& layer, Row& residual) const {
    const auto qkv = Multiply(*layer.qkv, Norm(residual, layer.input_norm, model_.eps), kWarps);
    if (!qkv.ok()) return qkv.status();
    const auto attended = Multiply(*layer.o_proj, Attend(layer, *qkv), kWarps);
    if (!attended.ok()) return attended.status();
    AddTo(residual, *attended);
    const auto mixed = MixExperts(layer, Norm(residual, layer.post_attention_norm, model_.eps));
    if (!mixed.ok()) return mixed.status();
    AddTo(residual, *mixed);
    return absl::OkStatus();
  }

  Row Logits(const Row& residual) const {
    const int64_t hidden = d_.hidden;
    const float scale = ScaleOf(HeadSquares(residual), hidden, model_.eps);
    const Row x = HeadOrder(Scaled(residual, scale, model_.final_norm).data(), 1, hidden);
    Row logits(d_.vocab);
    ForColumnBlocks(d_.vocab, parallel_for_, [&](int64_t first, int64_t last) {
      const Row weight = HeadOrder(model_.lm_head + first * hidden, last - first, hidden);
      const std::vector<float> sums = HeadSums(model_.core, x, weight);
      std::transform(sums.begin(), sums.end(), logits.begin() + first, ToBfloat16);
    });
    return logits;
  }

 private:
  absl::StatusOr<Row> Multiply(const LinearWeight& weight, const Row& x, int64_t warps) const {
    const absl::StatusOr<QuantizedMatrix> matrix = weight.Quantized();
    if (!matrix.ok()) return matrix.status();
    return RoundedRow(MultiplyQuantized(model_.core, *matrix, x.data(), 1,
                                        ConsecutiveGroups(matrix->columns, warps), parallel_for_));
  }

  Row Attend(const EmulatedDecodeLayer& layer, const Row& qkv) const {
    Row attended(d_.heads * d_.head_dim);
    parallel_for_(d_.kv_heads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t kv = begin; kv < end; ++kv) AttendGroup(layer, qkv, kv, attended);
    });
    return attended;
  }

  // The query heads that share a key head; writes its key and value.
  void AttendGroup(const EmulatedDecodeLayer& layer, const Row& qkv, int64_t kv,
                   Row& attended) const {
    const int64_t dim = d_.head_dim, group = d_.heads / d_.kv_heads;
    const float* cos = model_.cos + position_ * dim / 2;
    const float* sin = model_.sin + position_ * dim / 2;
    const uint16_t* key = qkv.data() + (d_.heads + kv) * dim;
    const int64_t cached = (sequence_ * d_.kv_heads + kv) * model_.capacity * dim;
    uint16_t* keys = layer.keys + cached;
    uint16_t* values = layer.values + cached;
    TurnHeadTwin(key, layer.key_norm, model_.eps, cos, sin, dim, keys + position_ * dim);
    std::copy_n(key + d_.kv_heads * dim, dim, values + position_ * dim);
    Row queries(group * dim);
    for (int64_t i = 0; i < group; ++i) {
      TurnHeadTwin(qkv.data() + (kv * group + i) * dim, layer.query_norm, model_.eps, cos, sin, dim,
                   queries.data() + i * dim);
    }
    DecodeAttentionTwin(model_.core, model_.attention, queries.data(), group, keys, values,
                        position_, dim, attended.data() + kv * group * dim);
  }

  // An expert's output [hidden] for x [hidden].
  absl::StatusOr<Row> RunExpert(const LinearWeight& gate_up, const LinearWeight& down,
                                const Row& x) const {
    const auto both = Multiply(gate_up, x, kWarps);
    if (!both.ok()) return both.status();
    const size_t width = both->size() / 2;
    Row inner(width);
    for (size_t i = 0; i < width; ++i) {
      const float gate = Widen((*both)[i]);
      const float silu = Rounded(gate * ApproximateReciprocal(1.0f + ApproximateExp(-gate)));
      inner[i] = ToBfloat16(silu * Widen((*both)[width + i]));
    }
    const int64_t groups = d_.width / kGroupColumns;
    return Multiply(down, inner, groups % 2 == 0 ? 2 : 1);
  }

  absl::StatusOr<Row> MixExperts(const EmulatedDecodeLayer& layer, const Row& x) const {
    const Choice choice = ChooseExperts(model_, layer, x);
    std::vector<float> sums(x.size());
    for (size_t slot = 0; slot < choice.experts.size(); ++slot) {
      const int64_t expert = choice.experts[slot];
      const auto output = RunExpert(*layer.gate_up[expert], *layer.down[expert], x);
      if (!output.ok()) return output.status();
      for (size_t i = 0; i < sums.size(); ++i) {
        const float product = choice.weights[slot] * Widen((*output)[i]);
        sums[i] += product;
      }
    }
    return RoundedRow(sums);
  }

  const EmulatedDecodeModel& model_;
  const EmulatedDecodeDims& d_;
  const int64_t position_;
  const int64_t sequence_;
  const ParallelForFunction parallel_for_;
};

}  // namespace

absl::StatusOr<EmulatedStep> DecodeStepTwin(const EmulatedDecodeModel& model,
                                            const uint16_t* embedding, int64_t position,
                                            int64_t sequence, ParallelForFunction parallel_for) {
  const Step step(model, position, sequence, parallel_for);
  EmulatedStep result;
  Row residual(embedding, embedding + model.dims.hidden);
  for (const EmulatedDecodeLayer& layer : model.layers) {
    if (absl::Status status = step.RunLayer(layer, residual); !status.ok()) return status;
    result.hidden_states.push_back(residual);
  }
  result.logits = step.Logits(residual);
  return result;
}

}  // namespace forensics::runner
