#include "runner/ops/emulated/row_kernels.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "runner/ops/cuda/row_launch.h"
#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/warp.h"
#include "runner/ops/tensor_core/special_functions.h"

namespace forensics::runner {
namespace {

// The sum of squares of a row as a block adds it up: chunk c to thread c mod threads.
float SumOfSquares(const float* row, int64_t width) {
  const int threads = RowThreads(ChunksOf(width), kMostNormThreads);
  std::vector<float> of_thread(threads, 0.0f);
  for (int64_t i = 0; i < width; ++i) {
    float& squares = of_thread[i / kChunkElements % threads];
    squares = std::fma(row[i], row[i], squares);
  }
  std::array<float, kWarp> of_warp = {};
  for (int warp = 0; warp < threads / kWarp; ++warp) {
    of_warp[warp] = ButterflySum(of_thread.data() + warp * kWarp, kWarp);
  }
  return WarpSum(of_warp);
}

void Normalise(const float* row, const uint16_t* weight, float eps, int64_t width, uint16_t* out) {
  const float mean = SumOfSquares(row, width) / static_cast<float>(width);
  const float scale = ApproximateReciprocalSqrt(mean + eps);
  for (int64_t i = 0; i < width; ++i) {
    out[i] = ToBfloat16(Rounded(row[i] * scale) * Widen(weight[i]));
  }
}

// scale of a head's norm: its lanes hold eight elements of either half each.
float HeadScale(const float* head, float eps, int64_t dim) {
  const int64_t half = dim / 2;
  std::array<float, kWarp> of_lane = {};
  const int lanes = 1 << LanesOfHeadLog2(half);
  for (int lane = 0; lane < lanes; ++lane) {
    const int64_t begin = lane * kChunkElements;
    const int64_t end = std::min(begin + kChunkElements, half);
    float squares = 0;
    for (const int64_t offset : {int64_t{0}, half}) {
      for (int64_t i = begin; i < end; ++i) {
        squares = std::fma(head[offset + i], head[offset + i], squares);
      }
    }
    of_lane[lane] = squares;
  }
  const float mean = ButterflySum(of_lane.data(), lanes) / static_cast<float>(dim);
  return ApproximateReciprocalSqrt(mean + eps);
}

// Softmax of a token's logits.
void Softmax(const uint16_t* logits, int64_t experts, float* probabilities) {
  float largest = -std::numeric_limits<float>::infinity();
  for (int64_t e = 0; e < experts; ++e) largest = std::fmax(largest, Widen(logits[e]));
  std::array<float, kWarp> of_lane = {};
  for (int64_t e = 0; e < experts; ++e) {
    probabilities[e] = ApproximateExp(Widen(logits[e]) - largest);
    of_lane[e % kWarp] += probabilities[e];
  }
  const float total = WarpSum(of_lane);
  for (int64_t e = 0; e < experts; ++e) probabilities[e] /= total;
}

}  // namespace

void RmsNormTwin(const uint16_t* x, const uint16_t* weight, float eps, int64_t width, int64_t begin,
                 int64_t end, uint16_t* out) {
  std::vector<float> row(width);
  for (int64_t r = begin; r < end; ++r) {
    std::transform(x + r * width, x + (r + 1) * width, row.begin(), Widen);
    Normalise(row.data(), weight, eps, width, out + r * width);
  }
}

void AddRmsNormTwin(uint16_t* residual, const uint16_t* x, const uint16_t* weight, float eps,
                    int64_t width, int64_t begin, int64_t end, uint16_t* out) {
  std::vector<float> row(width);
  for (int64_t r = begin; r < end; ++r) {
    for (int64_t i = 0; i < width; ++i) {
      uint16_t& before = residual[r * width + i];
      before = ToBfloat16(Widen(before) + Widen(x[r * width + i]));
      row[i] = Widen(before);
    }
    Normalise(row.data(), weight, eps, width, out + r * width);
  }
}

void SplitHeadTwin(const uint16_t* head, const uint16_t* weight, float eps, const float* cos,
                   const float* sin, int64_t dim, uint16_t* out) {
  std::vector<float> x(dim);
  std::transform(head, head + dim, x.begin(), Widen);
  if (weight != nullptr) {
    const float scale = HeadScale(x.data(), eps, dim);
    for (int64_t i = 0; i < dim; ++i) x[i] = Rounded(Rounded(x[i] * scale) * Widen(weight[i]));
  }
  const int64_t half = dim / 2;
  for (int64_t i = 0; i < half; ++i) {
    const float lower = x[i], upper = x[half + i];
    if (cos == nullptr) {
      out[i] = ToBfloat16(lower), out[half + i] = ToBfloat16(upper);
      continue;
    }
    out[i] = ToBfloat16(Rounded(lower * cos[i]) + Rounded(-upper * sin[i]));
    out[half + i] = ToBfloat16(Rounded(upper * cos[i]) + Rounded(lower * sin[i]));
  }
}

void RouteTokensTwin(const uint16_t* logits, int64_t experts, int64_t slots, bool normalise,
                     int64_t begin, int64_t end, int32_t* ids, float* weights) {
  std::vector<float> probabilities(experts);
  for (int64_t token = begin; token < end; ++token) {
    Softmax(logits + token * experts, experts, probabilities.data());
    int32_t* id = ids + token * slots;
    float* weight = weights + token * slots;
    float sum = 0;
    for (int64_t slot = 0; slot < slots; ++slot) {
      const auto largest = std::max_element(probabilities.begin(), probabilities.end());
      id[slot] = static_cast<int32_t>(largest - probabilities.begin());
      weight[slot] = *largest;
      sum += *largest;
      *largest = -1.0f;  // taken
    }
    for (int64_t slot = 0; slot < slots; ++slot) {
      weight[slot] = Rounded(normalise ? weight[slot] / sum : weight[slot]);
    }
  }
}

void SwiGluTwin(const uint16_t* gate_up, int64_t width, int64_t begin, int64_t end, uint16_t* out) {
  for (int64_t r = begin; r < end; ++r) {
    const uint16_t* gates = gate_up + r * 2 * width;
    for (int64_t i = 0; i < width; ++i) {
      const float gate = Widen(gates[i]);
      const float silu = gate * ApproximateReciprocal(1.0f + ApproximateExp(-gate));
      out[r * width + i] = ToBfloat16(Rounded(silu) * Widen(gates[width + i]));
    }
  }
}

void WeightedSumTwin(const uint16_t* y, const int32_t* place_of, const float* weights,
                     int64_t slots, int64_t width, int64_t begin, int64_t end, uint16_t* out) {
  for (int64_t token = begin; token < end; ++token) {
    for (int64_t i = 0; i < width; ++i) {
      float sum = 0;
      for (int64_t slot = token * slots; slot < (token + 1) * slots; ++slot) {
        if (place_of[slot] < 0) continue;
        const float product = weights[slot] * Widen(y[place_of[slot] * width + i]);
        sum += product;
      }
      out[token * width + i] = ToBfloat16(sum);
    }
  }
}

}  // namespace forensics::runner
