#include "runner/ops/tensor_core/product_recipes.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

struct SplitK {
  const char* gpu;
  int64_t n;
  int64_t k;
  int64_t largest_m;
  int64_t splits;
  int64_t tile_k;  // ranges are whole tiles, ceil(tiles / splits) of them; the last takes the rest
};

// One line adds a recipe.
constexpr SplitK kSplits[] = {
    {"H200", 2048, 4096, 16, 3, 64},
    {"H100", 2048, 4096, 64, 2, 64},
};

}  // namespace

std::vector<KRange> KRanges(const TensorCore& core, const ProductShape& shape) {
  for (const SplitK& split : kSplits) {
    if (core.gpu != std::string_view(split.gpu) || shape.n != split.n || shape.k != split.k ||
        shape.m > split.largest_m) {
      continue;
    }
    const int64_t tiles = (shape.k + split.tile_k - 1) / split.tile_k;
    const int64_t length = (tiles + split.splits - 1) / split.splits * split.tile_k;
    std::vector<KRange> ranges;
    for (int64_t begin = 0; begin < shape.k; begin += length) {
      ranges.push_back({begin, std::min(begin + length, shape.k)});
    }
    return ranges;
  }
  return {{0, shape.k}};
}

void MultiplyByRecipe(const TensorCore& core, InputFormat format, const ProductShape& shape,
                      const uint16_t* x, int64_t rows, const PackedColumns& w, int64_t first,
                      int64_t last, float* y, int64_t stride_y) {
  const ChainProduct product(core, format);
  const std::vector<KRange> ranges = KRanges(core, shape);
  const auto run = [&](const KRange& range, float* out) {
    for (int64_t i = 0; i < rows; ++i) {
      std::fill(out + i * stride_y + first, out + i * stride_y + last, 0.0f);
    }
    product.Run(x, shape.k, rows, w, first, last, range.begin, range.end, out, stride_y);
  };
  run(ranges.front(), y);
  if (ranges.size() == 1) return;
  std::vector<float> partial(rows * stride_y);
  for (size_t r = 1; r < ranges.size(); ++r) {
    run(ranges[r], partial.data());
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = first; j < last; ++j) y[i * stride_y + j] += partial[i * stride_y + j];
    }
  }
}

std::string ProductRecipesDigest() {
  std::string text;
  for (const TensorCore& core : {kVoltaTensorCore, kAmpereTensorCore, kH100TensorCore,
                                 kH200TensorCore, kBlackwellTensorCore}) {
    absl::StrAppend(&text, core.gpu, " ", core.products, " ", core.fraction_bits, " ",
                    core.multiprocessors, "\n");
  }
  for (const SplitK& split : kSplits) {
    absl::StrAppend(&text, split.gpu, " ", split.n, " ", split.k, " ", split.largest_m, " ",
                    split.splits, " ", split.tile_k, "\n");
  }
  return schema::Sha256Hex(text);
}

}  // namespace forensics::runner
