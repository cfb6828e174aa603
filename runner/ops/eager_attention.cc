#include "runner/ops/eager_attention.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>

#include "runner/ops/attention_shape.h"
#include "runner/ops/lanes.h"
#include "runner/ops/parallel.h"
#include "runner/ops/wide_rows.h"

namespace forensics::runner {
namespace {

constexpr int64_t kKeyBlock = 128;  // part of what fixes the bits
constexpr int64_t kMaxStrip = 2 * kLanes;

// Up to as many queries as a strip is wide, that share a kv head, one a lane.
struct Strip {
  const float* queries;    // [dim, strip]
  const float* keys;       // [length, dim]
  const float* values;     // [length, dim]
  const int32_t* visible;  // [strip]: how many keys each query sees
  int32_t least_visible;
  int64_t length;  // the most that one of them sees
  int64_t dim;
  float scaling;
  float* scores;  // scratch [length, strip]
  float* out;     // [dim, strip]
};

// Attends for the kColumns vectors of queries that begin a strip of kStrip. Lanes never meet: the
// bits do not depend on how many a vector has.
template <typename T, int64_t kStrip, typename Vector, int kColumns>
struct StripKernel {
  static constexpr int kWidth = kLanesOf<Vector>;
  using Ints = typename TypesOf<Vector>::Ints;

  // Scores of kKeys keys from `first` on; `largest` [kColumns] takes them in.
  template <int kKeys>
  FORENSICS_INLINE static void ScoreKeys(const Strip& strip, int64_t first, Vector* largest) {
    const float* keys = strip.keys + first * strip.dim;
    Vector sums[kKeys][kColumns] = {};
    for (int64_t d = 0; d < strip.dim; ++d) {
      Vector query[kColumns];
      FORENSICS_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        query[c] = LoadLanes<Vector>(strip.queries + d * kStrip + c * kWidth);
      }
      FORENSICS_UNROLL
      for (int j = 0; j < kKeys; ++j) {
        const float key = keys[j * strip.dim + d];
        FORENSICS_UNROLL
        for (int c = 0; c < kColumns; ++c) sums[j][c] += query[c] * key;
      }
    }
    FORENSICS_UNROLL
    for (int j = 0; j < kKeys; ++j) {
      FORENSICS_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        Vector score = RoundLanes<T>(RoundLanes<T>(sums[j][c]) * strip.scaling);
        if (first + j >= strip.least_visible) {
          Ints visible;
          std::memcpy(&visible, strip.visible + c * kWidth, sizeof visible);
          score = visible <= static_cast<int32_t>(first + j) ? AllLanes<Vector>(-__builtin_inff())
                                                             : score;
        }
        largest[c] = MaxOf(score, largest[c]);
        StoreLanes(score, strip.scores + (first + j) * kStrip + c * kWidth);
      }
    }
  }

  // Turns the scores of `count` keys into exp(score - largest), and adds their sum to `total`.
  FORENSICS_INLINE static void Exponentials(float* scores, int64_t count, const Vector* largest,
                                            Vector* total) {
    Vector sums[kColumns] = {};
    for (int64_t j = 0; j < count; ++j) {
      FORENSICS_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        float* place = scores + j * kStrip + c * kWidth;
        const Vector weight = ExpLanes(LoadLanes<Vector>(place) - largest[c]);
        StoreLanes(weight, place);
        sums[c] += weight;
      }
    }
    for (int c = 0; c < kColumns; ++c) total[c] += sums[c];
  }

  // out [kDims, strip] += the weighted values [count, kDims of dim].
  template <int kDims>
  FORENSICS_INLINE static void AddValues(const float* weights, const float* values, int64_t dim,
                                         int64_t count, float* out) {
    Vector sums[kDims][kColumns] = {};
    for (int64_t j = 0; j < count; ++j) {
      Vector weight[kColumns];
      FORENSICS_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        weight[c] = LoadLanes<Vector>(weights + j * kStrip + c * kWidth);
      }
      FORENSICS_UNROLL
      for (int d = 0; d < kDims; ++d) {
        const float value = values[j * dim + d];
        FORENSICS_UNROLL
        for (int c = 0; c < kColumns; ++c) sums[d][c] += weight[c] * value;
      }
    }
    FORENSICS_UNROLL
    for (int d = 0; d < kDims; ++d) {
      FORENSICS_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        float* place = out + d * kStrip + c * kWidth;
        StoreLanes(LoadLanes<Vector>(place) + sums[d][c], place);
      }
    }
  }

  // Turns the exponentials of `count` keys from `first` on into weights, and adds their values.
  FORENSICS_INLINE static void WeighValues(const Strip& strip, int64_t first, int64_t count,
                                           const Vector* total) {
    float* weights = strip.scores + first * kStrip;
    for (int64_t j = 0; j < count; ++j) {
      FORENSICS_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        float* place = weights + j * kStrip + c * kWidth;
        StoreLanes(RoundLanes<T>(LoadLanes<Vector>(place) / total[c]), place);
      }
    }
    const float* values = strip.values + first * strip.dim;
    int64_t d = 0;
    for (; d + 4 <= strip.dim; d += 4) {
      AddValues<4>(weights, values + d, strip.dim, count, strip.out + d * kStrip);
    }
    for (; d < strip.dim; ++d) {
      AddValues<1>(weights, values + d, strip.dim, count, strip.out + d * kStrip);
    }
  }

  FORENSICS_INLINE static void Run(const Strip& strip) {
    Vector largest[kColumns], total[kColumns] = {};
    for (int c = 0; c < kColumns; ++c) largest[c] = AllLanes<Vector>(-__builtin_inff());
    int64_t key = 0;
    for (; key + 4 <= strip.length; key += 4) ScoreKeys<4>(strip, key, largest);
    for (; key < strip.length; ++key) ScoreKeys<1>(strip, key, largest);
    for (int64_t first = 0; first < strip.length; first += kKeyBlock) {
      Exponentials(strip.scores + first * kStrip, std::min(kKeyBlock, strip.length - first),
                   largest, total);
    }
    for (int64_t d = 0; d < strip.dim; ++d) {
      for (int c = 0; c < kColumns; ++c) {
        StoreLanes(Vector{}, strip.out + d * kStrip + c * kWidth);
      }
    }
    for (int64_t first = 0; first < strip.length; first += kKeyBlock) {
      WeighValues(strip, first, std::min(kKeyBlock, strip.length - first), total);
    }
  }
};

// kCount lanes at a time, kColumns vectors of them.
template <typename T, int64_t kStrip, int kCount, int kColumns>
FORENSICS_INLINE void AttendInParts(Strip strip) {
  constexpr int64_t kPart = kCount * kColumns;
  static_assert(kStrip % kPart == 0);
  for (int64_t part = 0; part < kStrip; part += kPart) {
    StripKernel<T, kStrip, typename LaneTypes<kCount>::Floats, kColumns>::Run(strip);
    strip.queries += kPart;
    strip.visible += kPart;
    strip.scores += kPart;
    strip.out += kPart;
  }
}

template <typename T, int64_t kStrip>
FORENSICS_AVX512 void AttendAvx512(const Strip& strip) {
  AttendInParts<T, kStrip, 16, kStrip / 16>(strip);
}
template <typename T, int64_t kStrip>
FORENSICS_AVX2 void AttendAvx2(const Strip& strip) {
  AttendInParts<T, kStrip, 8, 2>(strip);
}
template <typename T, int64_t kStrip>
void AttendBaseline(const Strip& strip) {
  AttendInParts<T, kStrip, 4, 2>(strip);
}

template <typename T, int64_t kStrip>
void Attend(const Strip& strip) {
  return ForThisProcessor(AttendBaseline<T, kStrip>, AttendAvx2<T, kStrip>,
                          AttendAvx512<T, kStrip>)(strip);
}

// A thread's buffers for one strip after the other.
class Scratch {
 public:
  Scratch(int64_t width, int64_t length, int64_t dim)
      : lines_(new Lanes[(length + 2 * dim) * width / kLanes]),
        queries_(reinterpret_cast<float*>(lines_.get())),
        out_(queries_ + dim * width),
        scores_(out_ + dim * width) {}
  float* queries() const { return queries_; }
  float* out() const { return out_; }
  float* scores() const { return scores_; }
  int32_t* visible() { return visible_; }

 private:
  std::unique_ptr<Lanes[]> lines_;
  float* queries_;
  float* out_;
  float* scores_;
  int32_t visible_[kMaxStrip];
};

// The queries of one kv head are rows [group * tokens, dim]; rows [first, first + count) of them.
template <typename T, int64_t kStrip>
void AttendRows(const AttentionShape& shape, const T* rows, const float* keys, const float* values,
                int64_t first, int64_t count, Scratch& scratch) {
  Strip strip = {scratch.queries(),
                 keys,
                 values,
                 scratch.visible(),
                 INT32_MAX,
                 0,
                 shape.dim,
                 static_cast<float>(1 / std::sqrt(static_cast<double>(shape.dim))),
                 scratch.scores(),
                 scratch.out()};
  for (int64_t lane = 0; lane < kStrip; ++lane) {
    const int64_t row = first + std::min(lane, count - 1);  // lanes to spare repeat the last row
    const int64_t sees = shape.length - shape.tokens + row % shape.tokens + 1;
    scratch.visible()[lane] = static_cast<int32_t>(sees);
    strip.least_visible = std::min(strip.least_visible, static_cast<int32_t>(sees));
    strip.length = std::max(strip.length, sees);
    for (int64_t d = 0; d < shape.dim; ++d) {
      scratch.queries()[d * kStrip + lane] = static_cast<float>(rows[row * shape.dim + d]);
    }
  }
  Attend<T, kStrip>(strip);
}

template <typename T, int64_t kStrip>
void AttendAll(const AttentionShape& shape, const T* queries, const WideRows& keys,
               const WideRows& values, T* out) {
  const int64_t rows = shape.group() * shape.tokens, strips = (rows + kStrip - 1) / kStrip;
  const int64_t items = shape.batch * shape.kv_heads * strips;
  // Strips cost from next to nothing to the whole length: a thread takes the next one when it is
  // done with its last.
  std::atomic<int64_t> next{0};
  ParallelFor(items, 1, [&](int64_t, int64_t) {
    Scratch scratch(kStrip, shape.length, shape.dim);
    for (int64_t item = next++; item < items; item = next++) {
      const int64_t kv_head = item / strips % shape.kv_heads,
                    batch = item / strips / shape.kv_heads;
      const int64_t first = item % strips * kStrip, count = std::min(kStrip, rows - first);
      AttendRows<T, kStrip>(shape, queries + item / strips * rows * shape.dim,
                            keys.Head(batch, kv_head), values.Head(batch, kv_head), first, count,
                            scratch);
      for (int64_t lane = 0; lane < count; ++lane) {
        const int64_t token = (first + lane) % shape.tokens;
        const int64_t head = kv_head * shape.group() + (first + lane) / shape.tokens;
        T* to = out + ((batch * shape.tokens + token) * shape.heads + head) * shape.dim;
        for (int64_t d = 0; d < shape.dim; ++d) {
          to[d] = static_cast<T>(scratch.out()[d * kStrip + lane]);
        }
      }
    }
  });
}

}  // namespace

at::Tensor EagerAttention(const at::Tensor& queries, const at::Tensor& keys,
                          const at::Tensor& values) {
  const AttentionShape shape = AttentionShape::Of(queries, keys);
  RecordAttention("attention/own_eager", shape);
  at::Tensor out =
      at::empty({shape.batch * shape.tokens, shape.heads * shape.dim}, queries.options());
  const WideRows wide_keys(keys), wide_values(values);
  ForFloatType(queries.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    const auto attend =
        shape.group() * shape.tokens <= kLanes ? AttendAll<T, kLanes> : AttendAll<T, kMaxStrip>;
    attend(shape, queries.const_data_ptr<T>(), wide_keys, wide_values, out.mutable_data_ptr<T>());
  });
  return out;
}

}  // namespace forensics::runner
