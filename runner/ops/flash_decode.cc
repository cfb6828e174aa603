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

// Attends to a chunk by sixteen lanes, which are one Vector or two of half as many: the bits are
// the same.
template <typename T, typename Vector>
struct ChunkKernel {
  static constexpr int kWidth = kLanesOf<Vector>;
  static constexpr int kParts = kLanes / kWidth;
  static constexpr int kTogether = kParts == 1 ? 16 : 4;  // keys whose sums fit the registers
  static_assert(kParts == 1 || kParts == 2);

  // What of `count` elements is in a part.
  FORENSICS_INLINE static int64_t InPart(int64_t count, int part) {
    return std::min<int64_t>(kWidth, count - part * kWidth);
  }

  // rows[r]: products of query [padded] and key r of [kKeys, dim], added up within lanes and, of
  // two parts, between them.
  template <int kKeys>
  FORENSICS_INLINE static void MultiplyKeys(const float* query, const T* keys, int64_t dim,
                                            Vector* rows) {
    Vector sums[kKeys][kParts] = {};
    const int64_t whole = dim / kLanes * kLanes;
    for (int64_t d = 0; d < whole; d += kLanes) {
      FORENSICS_UNROLL
      for (int part = 0; part < kParts; ++part) {
        const Vector q = LoadLanes<Vector>(query + d + part * kWidth);
        FORENSICS_UNROLL
        for (int r = 0; r < kKeys; ++r) {
          sums[r][part] += q * LoadLanes<Vector>(keys + r * dim + d + part * kWidth);
        }
      }
    }
    if (whole < dim) {
      for (int part = 0; part < kParts; ++part) {
        const int64_t begin = whole + part * kWidth;
        const Vector q = LoadLanes<Vector>(query + begin);
        for (int r = 0; r < kKeys; ++r) {
          sums[r][part] +=
              q * LoadSomeLanes<Vector>(keys + r * dim + begin, InPart(dim - whole, part));
        }
      }
    }
    FORENSICS_UNROLL
    for (int r = 0; r < kKeys; ++r) {
      if constexpr (kParts == 1) {
        rows[r] = sums[r][0];
      } else {
        rows[r] = sums[r][0] + sums[r][1];
      }
    }
  }

  FORENSICS_INLINE static void ScoreSixteen(const float* query, const T* keys, int64_t dim,
                                            float* scores) {
    Vector rows[kLanes];
    for (int r = 0; r < kLanes; r += kTogether) {
      MultiplyKeys<kTogether>(query, keys + r * dim, dim, rows + r);
    }
    if constexpr (kParts == 1) {
      StoreLanes(SumSixteenRows(rows), scores);
    } else {
      StoreLanes(SumEightRows(rows), scores);
      StoreLanes(SumEightRows(rows + kWidth), scores + kWidth);
    }
  }

  FORENSICS_INLINE static float ScoreOne(const float* query, const T* key, int64_t dim) {
    Vector rows[kWidth] = {};
    MultiplyKeys<1>(query, key, dim, rows);
    if constexpr (kParts == 1) {
      return SumSixteenRows(rows)[0];
    } else {
      return SumEightRows(rows)[0];
    }
  }

  // scores [count] of one query [padded] against keys [count, dim].
  FORENSICS_INLINE static void ScoreKeys(const float* query, const T* keys, int64_t dim,
                                         int64_t count, float* scores) {
    int64_t j = 0;
    for (; j + kLanes <= count; j += kLanes) {
      PrefetchRows(keys + j * dim, dim);
      ScoreSixteen(query, keys + j * dim, dim, scores + j);
    }
    for (; j < count; ++j) scores[j] = ScoreOne(query, keys + j * dim, dim);
  }

  // The largest of `count` scores.
  FORENSICS_INLINE static float Largest(const float* scores, int64_t count) {
    float most[kLanes];
    for (int part = 0; part < kParts; ++part) {
      const float* const own = scores + part * kWidth;
      Vector lanes = LoadSomeLanes<Vector>(own, InPart(count, part), -__builtin_inff());
      int64_t i = kLanes;
      for (; i + kLanes <= count; i += kLanes) lanes = MaxOf(LoadLanes<Vector>(own + i), lanes);
      if (i < count) {
        lanes = MaxOf(LoadSomeLanes<Vector>(own + i, InPart(count - i, part), -__builtin_inff()),
                      lanes);
      }
      StoreLanes(lanes, most + part * kWidth);
    }
    return MaxLanes(LoadLanes(most));
  }

  // Replaces scores by their weights relative to the largest.
  FORENSICS_INLINE static void WeighScores(int64_t count, float* scores, float* largest,
                                           float* total) {
    *largest = Largest(scores, count);
    const Vector most = AllLanes<Vector>(*largest);
    float sums[kLanes];
    for (int part = 0; part < kParts; ++part) {
      float* const own = scores + part * kWidth;
      Vector sum{};
      int64_t j = 0;
      for (; j + kLanes <= count; j += kLanes) {
        const Vector weights = ExpLanes(LoadLanes<Vector>(own + j) - most);
        StoreLanes(weights, own + j);
        sum += weights;
      }
      const int64_t left = InPart(count - j, part);
      const Vector rest = LoadSomeLanes<Vector>(own + j, left, -__builtin_inff());
      const Vector weights = ExpLanes(rest - most);
      StoreSomeLanes(weights, own + j, left);
      StoreLanes(sum + weights, sums + part * kWidth);
    }
    *total = SumLanes(LoadLanes(sums));
  }

  // out [padded] = sum over positions, in order, of weights [count] * values [count, dim].
  FORENSICS_INLINE static void AddValues(const float* weights, const T* values, int64_t dim,
                                         int64_t padded, int64_t count, float* out) {
    for (int64_t d = 0; d < padded; d += kWidth) StoreLanes(Vector{}, out + d);
    for (int64_t first = 0; first < count; first += kLanes) {
      const int64_t last = std::min(first + kLanes, count);
      PrefetchRows(values + first * dim, dim);
      for (int64_t d = 0; d < padded; d += kWidth) {
        Vector sum = LoadLanes<Vector>(out + d);
        const T* part = values + d;
        if (d + kWidth <= dim) {
          for (int64_t j = first; j < last; ++j) {
            sum += weights[j] * LoadLanes<Vector>(part + j * dim);
          }
        } else {
          for (int64_t j = first; j < last; ++j) {
            sum += weights[j] * LoadSomeLanes<Vector>(part + j * dim, dim - d);
          }
        }
        StoreLanes(sum, out + d);
      }
    }
  }

  // queries [group, padded], scaled; keys and values [count, dim]; scores: scratch [kChunk].
  FORENSICS_INLINE static void Run(const float* queries, int64_t group, const T* keys,
                                   const T* values, int64_t dim, int64_t count, float* scores,
                                   const Partial& partial) {
    const int64_t padded = (dim + kLanes - 1) / kLanes * kLanes;
    for (int64_t g = 0; g < group; ++g) {
      ScoreKeys(queries + g * padded, keys, dim, count, scores + g * kChunk);
      WeighScores(count, scores + g * kChunk, partial.largest + g, partial.total + g);
    }
    for (int64_t g = 0; g < group; ++g) {
      AddValues(scores + g * kChunk, values, dim, padded, count, partial.out + g * padded);
    }
  }
};

#define FORENSICS_ATTEND_CHUNK(Name, Attributes, Vector)                                    \
  template <typename T>                                                                     \
  Attributes void Name(const float* queries, int64_t group, const T* keys, const T* values, \
                       int64_t dim, int64_t count, float* scores, const Partial& partial) { \
    ChunkKernel<T, Vector>::Run(queries, group, keys, values, dim, count, scores, partial); \
  }
FORENSICS_ATTEND_CHUNK(AttendChunkBaseline, , HalfLanes)
FORENSICS_ATTEND_CHUNK(AttendChunkAvx2, FORENSICS_AVX2, HalfLanes)
FORENSICS_ATTEND_CHUNK(AttendChunkAvx512, FORENSICS_AVX512, Lanes)
#undef FORENSICS_ATTEND_CHUNK

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
  const auto attend =
      ForThisProcessor(AttendChunkBaseline<T>, AttendChunkAvx2<T>, AttendChunkAvx512<T>);
  ParallelFor(batch * kv_heads * chunks, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scores(group * kChunk);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t chunk = item % chunks, head = item / chunks;
      const int64_t first = chunk * kChunk;
      const int64_t offset =
          head / kv_heads * keys.stride(0) + head % kv_heads * keys.stride(1) + first * dim;
      attend(scaled.data() + head * group * padded, group, all_keys + offset, all_values + offset,
             dim, std::min(kChunk, length - first), scores.data(),
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
