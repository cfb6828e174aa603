#include "runner/ops/emulated/eager_attention.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/warp.h"
#include "runner/ops/tensor_core/cuda_math.h"
#include "runner/ops/tensor_core/product.h"

namespace forensics::runner {
namespace {

// As in runner/ops/cuda_attention.cc.
constexpr int64_t kQueryBlock = 1024;
constexpr int64_t kKeyMultiple = 8;

constexpr int64_t kRowGrain = 16;

// Of libtorch's softmax: what a warp takes, what threads keep in registers, what shared memory of
// 48 KiB does not hold.
constexpr int64_t kMostWarpColumns = 2048;
constexpr int64_t kMostRegisterColumns = 9216;
constexpr int64_t kFirstStreamedColumns = 12256;
constexpr int64_t kThreads = 1024;
constexpr int64_t kVector = 4;

int WarpLanes(int64_t columns) {
  int lanes = 1;
  while (lanes < columns && lanes < kWarp) lanes *= 2;
  return lanes;
}

// The keys and values of a head that some queries may see, as products take them.
struct VisibleKeys {
  VisibleKeys(const FlashAttentionCall& call, int64_t kv_head, int64_t visible)
      : by_dimension(call.shape.head_dim * visible),
        keys(call.core, call.format, call.keys.Row(kv_head, 0), visible, call.shape.head_dim,
             call.keys.row_stride),
        values(call.core, call.format, Transpose(call, kv_head, visible), call.shape.head_dim,
               visible, visible) {}

  std::vector<uint16_t> by_dimension;  // values [head_dim, visible]
  PackedColumns keys;
  PackedColumns values;

 private:
  const uint16_t* Transpose(const FlashAttentionCall& call, int64_t kv_head, int64_t visible) {
    for (int64_t key = 0; key < visible; ++key) {
      const uint16_t* row = call.values.Row(kv_head, key);
      for (int64_t d = 0; d < call.shape.head_dim; ++d) by_dimension[d * visible + key] = row[d];
    }
    return by_dimension.data();
  }
};

float WarpSoftmaxSum(const float* powers, int64_t columns) {
  const int lanes = WarpLanes(columns);
  std::array<float, kWarp> sums = {};
  for (int64_t i = 0; i < columns; ++i) sums[i % lanes] += powers[i];
  return ButterflySum(sums.data(), lanes);
}

// The columns [0, vectors) go to threads four by four, those behind one by one.
float BlockSoftmaxSum(const float* powers, int64_t columns, int64_t vectors) {
  std::array<float, kThreads> sums = {};
  for (int64_t i = 0; i < vectors; ++i) sums[i / kVector % kThreads] += powers[i];
  for (int64_t i = vectors; i < columns; ++i) sums[(i - vectors) % kThreads] += powers[i];
  std::array<float, kWarp> warps;
  for (int warp = 0; warp < kWarp; ++warp) {
    warps[warp] = ButterflySum(sums.data() + warp * kWarp, kWarp);
  }
  return WarpSum(warps);
}

float SoftmaxSum(const float* powers, int64_t columns) {
  if (columns <= kMostWarpColumns) return WarpSoftmaxSum(powers, columns);
  if (columns <= kMostRegisterColumns) return BlockSoftmaxSum(powers, columns, 0);
  if (columns < kFirstStreamedColumns) return BlockSoftmaxSum(powers, columns, columns);
  return BlockSoftmaxSum(powers, columns, columns - columns % (kVector * kThreads));
}

// The queries [begin, end) of a head, all of one query block.
void AttendRows(const FlashAttentionCall& call, const VisibleKeys& seen, int64_t head,
                int64_t begin, int64_t end) {
  const FlashAttentionShape& shape = call.shape;
  const int64_t rows = end - begin, visible = seen.keys.rows(), dim = shape.head_dim;
  const int64_t padded = (visible + kKeyMultiple - 1) / kKeyMultiple * kKeyMultiple;
  const ChainProduct product(call.core, call.format);
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(dim)));
  std::vector<float> scores(rows * padded);
  product.Run(call.queries.Row(head, begin), call.queries.row_stride, rows, seen.keys, 0, visible,
              0, dim, scores.data(), padded);
  std::vector<uint16_t> weights(rows * padded);
  for (int64_t i = 0; i < rows; ++i) {
    float* row = scores.data() + i * padded;
    const int64_t own = shape.keys - shape.queries + begin + i + 1;  // keys that it sees
    for (int64_t key = 0; key < padded; ++key) {
      row[key] =
          key < own ? Rounded(Rounded(row[key]) * scale) : -std::numeric_limits<float>::infinity();
    }
    SoftmaxRowTwin(row, padded);
  }
  std::transform(scores.begin(), scores.end(), weights.begin(), ToBfloat16);
  std::vector<float> sums(rows * dim);
  product.Run(weights.data(), padded, rows, seen.values, 0, dim, 0, visible, sums.data(), dim);
  std::transform(sums.begin(), sums.end(), call.output + (head * shape.queries + begin) * dim,
                 ToBfloat16);
}

}  // namespace

void SoftmaxRowTwin(float* row, int64_t columns) {
  const float largest = *std::max_element(row, row + columns);
  for (int64_t i = 0; i < columns; ++i) row[i] = CudaExp(row[i] - largest);
  const float total = SoftmaxSum(row, columns);
  for (int64_t i = 0; i < columns; ++i) row[i] /= total;
}

void EagerAttentionTwin(const FlashAttentionCall& call, ParallelForFunction parallel_for) {
  const FlashAttentionShape& shape = call.shape;
  for (int64_t first = 0; first < shape.queries; first += kQueryBlock) {
    const int64_t count = std::min(kQueryBlock, shape.queries - first);
    const int64_t visible = shape.keys - shape.queries + first + count;
    for (int64_t kv_head = 0; kv_head < shape.kv_heads; ++kv_head) {
      const VisibleKeys seen(call, kv_head, visible);
      parallel_for(shape.group() * count, kRowGrain, [&](int64_t begin, int64_t end) {
        while (begin < end) {
          const int64_t head = begin / count, row = begin % count;
          const int64_t rows = std::min(end - begin, count - row);
          AttendRows(call, seen, kv_head * shape.group() + head, first + row, first + row + rows);
          begin += rows;
        }
      });
    }
  }
}

}  // namespace forensics::runner
