#include "runner/ops/flash_decode.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runner/ops/attention_shape.h"
#include "runner/ops/lanes.h"
#include "runner/ops/parallel.h"

namespace forensics::runner {
namespace {

constexpr int64_t kChunk = 512;  // positions; part of what fixes the bits

int64_t PaddedDim(int64_t dim) { return (dim + kLanes - 1) / kLanes * kLanes; }

// What a chunk contributes for the queries of one kv head.
struct Partial {
  float* largest;  // [group]
  float* total;    // [group]: sum of weights relative to `largest`
  float* out;      // [group, padded]: sum of weighted values
};

// Asks for the sixteen rows [16, dim] that come `kAhead` rows later: a core alone keeps too few
// reads in flight to use the memory's bandwidth.
template <typename T>
FORENSICS_INLINE void PrefetchRows(const T* rows, int64_t dim) {
  constexpr int64_t kAhead = 64;
  const char* begin = reinterpret_cast<const char*>(rows + kAhead * dim);
  const int64_t bytes = kLanes * dim * static_cast<int64_t>(sizeof(T));
  for (int64_t b = 0; b < bytes; b += 64) __builtin_prefetch(begin + b);
}

// Lane r: query [padded] . key r of `kKeys` <= 16 keys [kKeys, dim].
template <int kKeys, typename T>
FORENSICS_INLINE Lanes DotKeys(const float* query, const T* keys, int64_t dim) {
  Lanes sums[kLanes] = {};
  const int64_t whole = dim / kLanes * kLanes;
  for (int64_t d = 0; d < whole; d += kLanes) {
    const Lanes q = LoadLanes(query + d);
    FORENSICS_UNROLL
    for (int r = 0; r < kKeys; ++r) sums[r] += q * LoadLanes(keys + r * dim + d);
  }
  if (whole < dim) {
    const Lanes q = LoadLanes(query + whole);
    for (int r = 0; r < kKeys; ++r) {
      sums[r] += q * LoadSomeLanes(keys + r * dim + whole, dim - whole);
    }
  }
  return SumSixteenRows(sums);
}

// scores [count] of one query [padded] against keys [count, dim].
template <typename T>
FORENSICS_INLINE void ScoreKeys(const float* query, const T* keys, int64_t dim, int64_t count,
                                float* scores) {
  int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    PrefetchRows(keys + j * dim, dim);
    StoreLanes(DotKeys<kLanes>(query, keys + j * dim, dim), scores + j);
  }
  for (; j < count; ++j) scores[j] = DotKeys<1>(query, keys + j * dim, dim)[0];
}

// Replaces scores by their weights relative to the largest.
FORENSICS_INLINE void WeighScores(int64_t count, float* scores, float* largest, float* total) {
  Lanes most_lanes = LoadSomeLanes(scores, std::min(kLanes, count), -__builtin_inff());
  int64_t i = kLanes;
  for (; i + kLanes <= count; i += kLanes) most_lanes = MaxOf(LoadLanes(scores + i), most_lanes);
  if (i < count) {
    most_lanes = MaxOf(LoadSomeLanes(scores + i, count - i, -__builtin_inff()), most_lanes);
  }
  const float most = MaxLanes(most_lanes);
  Lanes sums{};
  int64_t j = 0;
  for (; j + kLanes <= count; j += kLanes) {
    const Lanes weights = ExpLanes(LoadLanes(scores + j) - AllLanes(most));
    StoreLanes(weights, scores + j);
    sums += weights;
  }
  const Lanes rest = LoadSomeLanes(scores + j, count - j, -__builtin_inff());
  const Lanes weights = ExpLanes(rest - AllLanes(most));
  StoreSomeLanes(weights, scores + j, count - j);
  sums += weights;
  *largest = most;
  *total = SumLanes(sums);
}

// out [padded] = sum over positions, in order, of weights [count] * values [count, dim].
template <typename T>
FORENSICS_INLINE void AddValues(const float* weights, const T* values, int64_t dim, int64_t count,
                                float* out) {
  for (int64_t d = 0; d < dim; d += kLanes) StoreLanes(Lanes{}, out + d);
  for (int64_t first = 0; first < count; first += kLanes) {
    const int64_t last = std::min(first + kLanes, count);
    PrefetchRows(values + first * dim, dim);
    for (int64_t d = 0; d < dim; d += kLanes) {
      Lanes sum = LoadLanes(out + d);
      const T* part = values + d;
      if (d + kLanes <= dim) {
        for (int64_t j = first; j < last; ++j) sum += weights[j] * LoadLanes(part + j * dim);
      } else {
        for (int64_t j = first; j < last; ++j) {
          sum += weights[j] * LoadSomeLanes(part + j * dim, dim - d);
        }
      }
      StoreLanes(sum, out + d);
    }
  }
}

// queries [group, padded], scaled; keys and values [count, dim]; scores: scratch [kChunk].
template <typename T>
FORENSICS_TARGET_CLONES void AttendChunk(const float* queries, int64_t group, const T* keys,
                                         const T* values, int64_t dim, int64_t count, float* scores,
                                         const Partial& partial) {
  const int64_t padded = (dim + kLanes - 1) / kLanes * kLanes;
  for (int64_t g = 0; g < group; ++g) {
    ScoreKeys(queries + g * padded, keys, dim, count, scores + g * kChunk);
    WeighScores(count, scores + g * kChunk, partial.largest + g, partial.total + g);
  }
  for (int64_t g = 0; g < group; ++g) {
    AddValues(scores + g * kChunk, values, dim, count, partial.out + g * padded);
  }
}

// Combines the chunks' results of one query, in order. scales: scratch [chunks].
template <typename T>
FORENSICS_TARGET_CLONES void Combine(const float* largest, const float* total, const float* partial,
                                     int64_t chunks, int64_t group, int64_t dim, float* scales,
                                     T* out) {
  const int64_t padded = (dim + kLanes - 1) / kLanes * kLanes;
  float most = largest[0];
  for (int64_t c = 1; c < chunks; ++c) most = std::max(most, largest[c * group]);
  float all_weights = 0;
  for (int64_t c = 0; c < chunks; ++c) {
    scales[c] = ExpLanes(AllLanes(largest[c * group] - most))[0];
    all_weights += scales[c] * total[c * group];
  }
  for (int64_t d = 0; d < dim; d += kLanes) {
    Lanes sum{};
    for (int64_t c = 0; c < chunks; ++c) {
      sum += scales[c] * LoadLanes(partial + c * group * padded + d);
    }
    StoreSomeLanes(sum / AllLanes(all_weights), out + d, std::min(kLanes, dim - d));
  }
}

// [batch * heads, padded] float32, times 1 / sqrt(dim).
template <typename T>
std::vector<float> ScaleQueries(const at::Tensor& queries, int64_t dim, int64_t padded) {
  const int64_t rows = queries.numel() / dim;
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dim)));
  const T* from = queries.const_data_ptr<T>();
  std::vector<float> scaled(rows * padded);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t d = 0; d < dim; ++d) {
      scaled[r * padded + d] = static_cast<float>(from[r * dim + d]) * scale;
    }
  }
  return scaled;
}

template <typename T>
void Decode(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
            at::Tensor& out) {
  const int64_t batch = keys.size(0), kv_heads = keys.size(1), length = keys.size(2);
  const int64_t dim = keys.size(3), padded = PaddedDim(dim);
  const int64_t heads = queries.size(1), group = heads / kv_heads;
  const int64_t chunks = (length + kChunk - 1) / kChunk;
  const std::vector<float> scaled = ScaleQueries<T>(queries, dim, padded);
  std::vector<float> largest(batch * kv_heads * chunks * group), total(largest.size());
  std::vector<float> partial(largest.size() * padded);
  const T* all_keys = keys.const_data_ptr<T>();
  const T* all_values = values.const_data_ptr<T>();
  ParallelFor(batch * kv_heads * chunks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scores(group * kChunk);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t chunk = item % chunks, head = item / chunks;
      const int64_t first = chunk * kChunk;
      const int64_t offset =
          head / kv_heads * keys.stride(0) + head % kv_heads * keys.stride(1) + first * dim;
      AttendChunk(scaled.data() + head * group * padded, group, all_keys + offset,
                  all_values + offset, dim, std::min(kChunk, length - first), scores.data(),
                  {largest.data() + item * group, total.data() + item * group,
                   partial.data() + item * group * padded});
    }
  });
  T* to = out.mutable_data_ptr<T>();
  std::vector<float> scales(chunks);
  for (int64_t row = 0; row < batch * heads; ++row) {
    const int64_t item = row / group * chunks * group + row % group;
    Combine(largest.data() + item, total.data() + item, partial.data() + item * padded, chunks,
            group, dim, scales.data(), to + row * dim);
  }
}

}  // namespace

at::Tensor FlashDecode(const at::Tensor& queries, const at::Tensor& keys,
                       const at::Tensor& values) {
  RecordAttention("attention/own_flash_decode", AttentionShape::Of(queries, keys));
  at::Tensor out =
      at::empty({queries.size(0), queries.size(1) * queries.size(3)}, queries.options());
  ForFloatType(queries.scalar_type(),
               [&](auto zero) { Decode<decltype(zero)>(queries, keys, values, out); });
  return out;
}

}  // namespace forensics::runner
