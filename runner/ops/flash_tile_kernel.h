// The kernel behind flash_tile.h, for one vector width: included by one source file a variant,
// each compiled for its instruction set. Holds nothing that another file could share by linking.
#ifndef RUNNER_OPS_FLASH_TILE_KERNEL_H_
#define RUNNER_OPS_FLASH_TILE_KERNEL_H_

#include <cstdint>
#include <cstring>

#include "runner/ops/flash_tile.h"

#define FLASH_INLINE static inline __attribute__((always_inline))
#define FLASH_UNROLL _Pragma("GCC unroll 16")

namespace forensics::runner {
namespace {

// Isa: Vector and Ints (of kWidth elements), Fma, All; kColumns vectors of queries, kKeys keys and
// kDims elements of a value at a time, chosen to fill the registers.
template <typename Isa>
struct FlashKernel {
  using Vector = typename Isa::Vector;
  using Ints = typename Isa::Ints;
  static constexpr int kWidth = Isa::kWidth;
  static constexpr int kColumns = Isa::kColumns;
  static constexpr int kStrip = kColumns * kWidth;  // queries at a time

  FLASH_INLINE Vector Load(const float* p) {
    Vector x;
    std::memcpy(&x, p, sizeof x);
    return x;
  }
  FLASH_INLINE void Store(Vector x, float* p) { std::memcpy(p, &x, sizeof x); }
  FLASH_INLINE Vector Max(Vector a, Vector b) { return a > b ? a : b; }

  // 2^x for x <= 0 with a relative error below 2e-7; 0 below 2^-126; NaN stays NaN.
  FLASH_INLINE Vector Exp2(Vector x) {
    const Vector shift = Isa::All(12582912.0f);  // 1.5 * 2^23: adding it rounds to an integer
    const Vector rounded = x + shift;
    const Vector r = x - (rounded - shift);
    constexpr float kTaylor[] = {1.3333558146e-3f, 9.6181291076e-3f, 5.5504108665e-2f,
                                 2.4022650696e-1f, 6.9314718056e-1f, 1.0f};
    Vector p = Isa::All(1.5403530394e-4f);
    FLASH_UNROLL
    for (int i = 0; i < 6; ++i) p = Isa::Fma(p, r, Isa::All(kTaylor[i]));
    const Vector scaled = reinterpret_cast<Vector>(reinterpret_cast<Ints>(p) +
                                                   (reinterpret_cast<Ints>(rounded) << 23));
    const Vector normal = x < Isa::All(-126.0f) ? Vector{} : scaled;
    return x == x ? normal : x;
  }

  // scores [kKeys, strip] = keys [kKeys, head_dim] . queries.
  template <int kKeys>
  FLASH_INLINE void Scores(const FlashTile& tile, const float* queries, const float* keys,
                           float* scores) {
    Vector sums[kKeys][kColumns] = {};
    for (int64_t d = 0; d < tile.head_dim; ++d) {
      Vector q[kColumns];
      FLASH_UNROLL
      for (int c = 0; c < kColumns; ++c) q[c] = Load(queries + d * kQueryTile + c * kWidth);
      FLASH_UNROLL
      for (int j = 0; j < kKeys; ++j) {
        const Vector k = Isa::All(keys[j * tile.head_dim + d]);
        FLASH_UNROLL
        for (int c = 0; c < kColumns; ++c) sums[j][c] = Isa::Fma(k, q[c], sums[j][c]);
      }
    }
    FLASH_UNROLL
    for (int j = 0; j < kKeys; ++j) {
      FLASH_UNROLL
      for (int c = 0; c < kColumns; ++c) Store(sums[j][c], scores + j * kQueryTile + c * kWidth);
    }
  }

  // out [kDims, strip] = out * rescale + values [count, kDims of head_dim] . scores.
  template <int kDims>
  FLASH_INLINE void AddValues(const FlashTile& tile, const float* scores, const float* values,
                              int64_t count, const Vector* rescale, float* out) {
    Vector sums[kDims][kColumns] = {};
    for (int64_t j = 0; j < count; ++j) {
      Vector p[kColumns];
      FLASH_UNROLL
      for (int c = 0; c < kColumns; ++c) p[c] = Load(scores + j * kQueryTile + c * kWidth);
      FLASH_UNROLL
      for (int d = 0; d < kDims; ++d) {
        const Vector v = Isa::All(values[j * tile.head_dim + d]);
        FLASH_UNROLL
        for (int c = 0; c < kColumns; ++c) sums[d][c] = Isa::Fma(v, p[c], sums[d][c]);
      }
    }
    FLASH_UNROLL
    for (int d = 0; d < kDims; ++d) {
      FLASH_UNROLL
      for (int c = 0; c < kColumns; ++c) {
        float* place = out + d * kQueryTile + c * kWidth;
        Store(Isa::Fma(Load(place), rescale[c], sums[d][c]), place);
      }
    }
  }

  // Hides the keys [begin, begin + count) that come after a query of the strip.
  FLASH_INLINE void Mask(const FlashTile& tile, int64_t strip, int64_t begin, int64_t count,
                         float* scores) {
    for (int64_t j = 0; j < count; ++j) {
      for (int64_t i = 0; i < kStrip; ++i) {
        if (begin + j >= tile.visible + strip + i) {
          scores[j * kQueryTile + i] = -__builtin_inff();
        }
      }
    }
  }

  // The online softmax's state of a strip.
  struct State {
    Vector largest[kColumns];
    Vector total[kColumns];
  };

  // Turns scores into weights relative to the largest score so far; rescale: what earlier sums are
  // to be multiplied by.
  FLASH_INLINE void Weigh(float* scores, int64_t count, State& state, Vector* rescale) {
    FLASH_UNROLL
    for (int c = 0; c < kColumns; ++c) {
      float* column = scores + c * kWidth;
      Vector largest = state.largest[c];
      for (int64_t j = 0; j < count; ++j) largest = Max(Load(column + j * kQueryTile), largest);
      rescale[c] = Exp2(state.largest[c] - largest);
      Vector total{};
      for (int64_t j = 0; j < count; ++j) {
        const Vector weight = Exp2(Load(column + j * kQueryTile) - largest);
        Store(weight, column + j * kQueryTile);
        total += weight;
      }
      state.largest[c] = largest;
      state.total[c] = Isa::Fma(state.total[c], rescale[c], total);
    }
  }

  FLASH_INLINE void Block(const FlashTile& tile, int64_t strip, int64_t begin, int64_t count,
                          State& state) {
    const int64_t dim = tile.head_dim;
    const float* queries = tile.queries + strip;
    const float* keys = tile.keys + begin * dim;
    float* scores = tile.scores + strip;
    int64_t j = 0;
    for (; j + Isa::kKeys <= count; j += Isa::kKeys) {
      Scores<Isa::kKeys>(tile, queries, keys + j * dim, scores + j * kQueryTile);
    }
    for (; j < count; ++j) Scores<1>(tile, queries, keys + j * dim, scores + j * kQueryTile);
    if (begin + count > tile.visible + strip) Mask(tile, strip, begin, count, scores);
    Vector rescale[kColumns];
    Weigh(scores, count, state, rescale);
    const float* values = tile.values + begin * dim;
    float* out = tile.out + strip;
    int64_t d = 0;
    for (; d + Isa::kDims <= dim; d += Isa::kDims) {
      AddValues<Isa::kDims>(tile, scores, values + d, count, rescale, out + d * kQueryTile);
    }
    for (; d < dim; ++d) {
      AddValues<1>(tile, scores, values + d, count, rescale, out + d * kQueryTile);
    }
  }

  FLASH_INLINE void Run(const FlashTile& tile) {
    std::memset(tile.out, 0, sizeof(float) * tile.head_dim * kQueryTile);
    for (int64_t strip = 0; strip < tile.rows; strip += kStrip) {
      State state;
      for (int c = 0; c < kColumns; ++c) {
        state.largest[c] = Isa::All(-__builtin_inff());
        state.total[c] = Vector{};
      }
      const int64_t last = strip + kStrip < tile.rows ? strip + kStrip : tile.rows;
      const int64_t length = tile.visible + last - 1;
      for (int64_t begin = 0; begin < length; begin += kKeyBlock) {
        const int64_t rest = length - begin;
        Block(tile, strip, begin, rest < kKeyBlock ? rest : kKeyBlock, state);
      }
      for (int64_t d = 0; d < tile.head_dim; ++d) {
        for (int c = 0; c < kColumns; ++c) {
          float* place = tile.out + d * kQueryTile + strip + c * kWidth;
          Store(Load(place) / state.total[c], place);
        }
      }
    }
  }
};

}  // namespace
}  // namespace forensics::runner

#endif  // RUNNER_OPS_FLASH_TILE_KERNEL_H_
