#include "runner/ops/tensor_core/product_recipes.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

// Ranges are whole tiles of k.
constexpr int64_t kTileK = 64;

// As testing/measure_products.py writes it.
struct SplitK {
  const char* gpu;
  InputFormat format;
  int64_t n;
  int64_t k;
  // "16:32 24:-": up to 16 rows ranges of 32 tiles each, the last of which takes the rest; up to 24
  // one chain. Beyond the last number one chain, which was not measured.
  const char* tiles_by_rows;
};

constexpr SplitK kSplits[] = {
#include "runner/ops/tensor_core/split_k.inc"
};

// The same, read.
struct RowLimit {
  int64_t most_rows;
  int64_t tiles;  // 0: one chain
};
using Recipes =
    std::map<std::tuple<std::string_view, InputFormat, int64_t, int64_t>, std::vector<RowLimit>>;

std::vector<RowLimit> ReadLimits(const char* text) {
  std::vector<RowLimit> limits;
  for (const absl::string_view entry : absl::StrSplit(text, ' ')) {
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(entry, ':');
    RowLimit limit = {0, 0};
    bool is_sound = absl::SimpleAtoi(parts.first, &limit.most_rows);
    if (parts.second != "-") is_sound &= absl::SimpleAtoi(parts.second, &limit.tiles);
    if (!is_sound) std::abort();  // the table is this program's own
    limits.push_back(limit);
  }
  return limits;
}

const Recipes& Table() {
  static const Recipes* table = [] {
    auto* recipes = new Recipes;
    for (const SplitK& split : kSplits) {
      (*recipes)[{split.gpu, split.format, split.n, split.k}] = ReadLimits(split.tiles_by_rows);
    }
    return recipes;
  }();
  return *table;
}

// Of the table's line for the shape; null: none, or for fewer rows.
const RowLimit* FindLimit(const TensorCore& core, InputFormat format, const ProductShape& shape) {
  const auto line = Table().find({core.gpu, format, shape.n, shape.k});
  if (line == Table().end()) return nullptr;
  for (const RowLimit& limit : line->second) {
    if (shape.m <= limit.most_rows) return &limit;
  }
  return nullptr;
}

}  // namespace

std::vector<KRange> KRanges(const TensorCore& core, InputFormat format, const ProductShape& shape) {
  const RowLimit* limit = FindLimit(core, format, shape);
  const int64_t length = limit == nullptr || limit->tiles == 0 ? shape.k : limit->tiles * kTileK;
  std::vector<KRange> ranges;
  for (int64_t begin = 0; begin < shape.k; begin += length) {
    ranges.push_back({begin, std::min(begin + length, shape.k)});
  }
  return ranges;
}

bool IsMeasured(const TensorCore& core, InputFormat format, const ProductShape& shape) {
  const bool is_known_gpu = std::any_of(std::begin(kSplits), std::end(kSplits), [&](const auto& s) {
    return core.gpu == std::string_view(s.gpu);
  });
  if (!is_known_gpu || shape.n % 8 != 0 || shape.k % 8 != 0) return false;
  return shape.k <= kMostUnsplitK ? shape.m <= kMostMeasuredRows
                                  : FindLimit(core, format, shape) != nullptr;
}

void MultiplyByRecipe(const TensorCore& core, InputFormat format, const ProductShape& shape,
                      const uint16_t* x, int64_t rows, const PackedColumns& w, float* y) {
  const ChainProduct product(core, format);
  const int64_t columns = w.rows(), elements = rows * columns;
  const auto run = [&](const KRange& range, float* out) {
    std::fill_n(out, elements, 0.0f);
    product.Run(x, shape.k, rows, w, 0, columns, range.begin, range.end, out, columns);
  };
  const std::vector<KRange> ranges = KRanges(core, format, shape);
  if (ranges.empty()) std::fill_n(y, elements, 0.0f);  // k is 0
  if (!ranges.empty()) run(ranges.front(), y);
  std::vector<float> partial(ranges.size() > 1 ? elements : 0);
  for (size_t r = 1; r < ranges.size(); ++r) {
    run(ranges[r], partial.data());
    for (int64_t i = 0; i < elements; ++i) y[i] += partial[i];
  }
}

std::string ProductRecipesDigest(const TensorCore& core) {
  std::string text = absl::StrCat(core.gpu, " ", core.products, " ", core.fraction_bits, "\n");
  for (const SplitK& split : kSplits) {
    if (core.gpu != std::string_view(split.gpu)) continue;
    absl::StrAppend(&text, static_cast<int>(split.format), " ", split.n, " ", split.k, " ",
                    split.tiles_by_rows, "\n");
  }
  return schema::Sha256Hex(text);
}

}  // namespace forensics::runner
