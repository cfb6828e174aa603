#include "runner/ops/portable_flash_attention.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "runner/ops/attention_shape.h"
#include "runner/ops/flash_decode.h"
#include "runner/ops/flash_tile.h"
#include "runner/ops/lanes.h"
#include "runner/ops/parallel.h"
#include "runner/ops/wide_rows.h"

namespace forensics::runner {
namespace {

// Whole cache lines for a thread's tiles.
struct alignas(64) Line {
  float values[kLanes];
};

class Scratch {
 public:
  explicit Scratch(int64_t dim)
      : lines_(new Line[(2 * dim + kKeyBlock) * kQueryTile / kLanes]), dim_(dim) {}
  float* queries() { return lines_[0].values; }
  float* out() { return queries() + dim_ * kQueryTile; }
  float* scores() { return out() + dim_ * kQueryTile; }

 private:
  std::unique_ptr<Line[]> lines_;
  int64_t dim_;
};

// queries [rows, dim] -> [dim, kQueryTile] scaled; the columns after `rows` are zero.
template <typename T>
void PackQueries(const T* queries, int64_t rows, int64_t dim, float* packed) {
  const float scale = static_cast<float>(M_LOG2E / std::sqrt(static_cast<double>(dim)));
  for (int64_t d = 0; d < dim; ++d) {
    for (int64_t i = 0; i < kQueryTile; ++i) {
      packed[d * kQueryTile + i] =
          i < rows ? static_cast<float>(queries[i * dim + d]) * scale : 0.0f;
    }
  }
}

// packed [dim, kQueryTile] -> rows of `stride` elements, rounded to T.
template <typename T>
void UnpackRows(const float* packed, int64_t rows, int64_t dim, int64_t stride, T* out) {
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t d = 0; d < dim; ++d) {
      out[i * stride + d] = static_cast<T>(packed[d * kQueryTile + i]);
    }
  }
}

template <typename T>
void Prefill(const AttentionShape& shape, const T* queries, const WideRows& keys,
             const WideRows& values, T* out) {
  const int64_t tiles = (shape.tokens + kQueryTile - 1) / kQueryTile;
  // Tile i and tile tiles - 1 - i together cost the same for every i.
  const int64_t pairs = (tiles + 1) / 2;
  const int64_t group = shape.heads / shape.kv_heads;
  const FlashTileFunction run = PickFlashTile();
  const auto compute = [&](int64_t row, int64_t tile, Scratch& scratch) {
    const int64_t batch = row / shape.heads, head = row % shape.heads;
    const int64_t kv_head = head / group, first = tile * kQueryTile;
    const int64_t rows = std::min(kQueryTile, shape.tokens - first);
    PackQueries(queries + (row * shape.tokens + first) * shape.dim, rows, shape.dim,
                scratch.queries());
    run({scratch.queries(), keys.Head(batch, kv_head), values.Head(batch, kv_head), shape.dim, rows,
         shape.length - shape.tokens + first + 1, scratch.scores(), scratch.out()});
    UnpackRows(scratch.out(), rows, shape.dim, shape.heads * shape.dim,
               out + ((batch * shape.tokens + first) * shape.heads + head) * shape.dim);
  };
  ParallelFor(shape.batch * shape.heads * pairs, 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(shape.dim);
    for (int64_t item = begin; item < end; ++item) {
      const int64_t row = item / pairs, low = item % pairs, high = tiles - 1 - low;
      compute(row, low, scratch);
      if (high != low) compute(row, high, scratch);
    }
  });
}

}  // namespace

at::Tensor PortableFlashAttention(const at::Tensor& queries, const at::Tensor& keys,
                                  const at::Tensor& values) {
  if (queries.size(2) == 1) return FlashDecode(queries, keys, values);
  const AttentionShape shape = AttentionShape::Of(queries, keys);
  RecordAttention("attention/own_flash", shape);
  at::Tensor out =
      at::empty({shape.batch * shape.tokens, shape.heads * shape.dim}, queries.options());
  const WideRows wide_keys(keys), wide_values(values);
  ForFloatType(queries.scalar_type(), [&](auto zero) {
    using T = decltype(zero);
    Prefill(shape, queries.const_data_ptr<T>(), wide_keys, wide_values, out.mutable_data_ptr<T>());
  });
  return out;
}

}  // namespace forensics::runner
