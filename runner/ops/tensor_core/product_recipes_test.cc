#include "runner/ops/tensor_core/product_recipes.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "rapidjson/document.h"
#include "runner/ops/tensor_core/measured_inputs.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::vector<uint16_t> Bfloat16Inputs(uint64_t seed, int64_t count) {
  return MeasuredInputs(InputFormat::kBfloat16, seed, count);
}

// Some of w's rows at a time: packed at once the largest would take as much memory again.
std::vector<uint16_t> Multiply(const TensorCore& core, InputFormat format,
                               const ProductShape& shape, const std::vector<uint16_t>& x,
                               int64_t rows, const std::vector<uint16_t>& w, int64_t columns) {
  constexpr int64_t kBlock = 1024;
  std::vector<uint16_t> rounded(rows * columns);
  for (int64_t first = 0; first < columns; first += kBlock) {
    const int64_t width = std::min(kBlock, columns - first);
    const PackedColumns packed(core, format, w.data() + first * shape.k, width, shape.k, shape.k);
    std::vector<float> y(rows * width);
    MultiplyByRecipe(core, format, shape, x.data(), rows, packed, y.data());
    for (int64_t i = 0; i < rows; ++i) {
      std::transform(y.begin() + i * width, y.begin() + (i + 1) * width,
                     rounded.begin() + i * columns + first,
                     [format](float value) { return Round(format, value); });
    }
  }
  return rounded;
}

struct Product {
  ProductShape shape;
  uint64_t seed_x;
  uint64_t seed_w;
  int64_t rows;  // stored
  int64_t columns;
  int64_t offset;
  std::string sha256;  // of the whole output; empty: not stored
};

// testdata/hopper/products_bf16_GPU.{json,bin}
class Measured {
 public:
  explicit Measured(const std::string& gpu)
      : stored_(ReadFile("testdata/hopper/products_bf16_" + gpu + ".bin")) {
    rapidjson::Document document;
    document.Parse(ReadFile("testdata/hopper/products_bf16_" + gpu + ".json").c_str());
    EXPECT_FALSE(document.HasParseError());
    for (const auto& p : document["products"].GetArray()) {
      products_.push_back({{p["m"].GetInt64(), p["n"].GetInt64(), p["k"].GetInt64()},
                           p["seed_x"].GetUint64(),
                           p["seed_w"].GetUint64(),
                           p["rows"].GetInt64(),
                           p["columns"].GetInt64(),
                           p["offset"].GetInt64(),
                           p.HasMember("sha256") ? p["sha256"].GetString() : ""});
    }
  }

  const std::vector<Product>& products() const { return products_; }

  // The stored corner's elements that differ from the core's arithmetic.
  int64_t Differences(const TensorCore& core, const Product& product) const {
    const ProductShape& shape = product.shape;
    const std::vector<uint16_t> y = Multiply(
        core, InputFormat::kBfloat16, shape, Bfloat16Inputs(product.seed_x, product.rows * shape.k),
        product.rows, Bfloat16Inputs(product.seed_w, product.columns * shape.k), product.columns);
    int64_t differences = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      uint16_t bits;
      std::memcpy(&bits, stored_.data() + product.offset + 2 * i, sizeof bits);
      differences += bits != y[i];
    }
    return differences;
  }

  void ExpectAllHaveTheBitsOf(const TensorCore& core) const {
    for (const Product& product : products_) {
      EXPECT_EQ(Differences(core, product), 0)
          << product.shape.m << " x " << product.shape.n << " x " << product.shape.k;
    }
  }

  int64_t AllDifferences(const TensorCore& core) const {
    int64_t differences = 0;
    for (const Product& product : products_) differences += Differences(core, product);
    return differences;
  }

 private:
  std::string stored_;
  std::vector<Product> products_;
};

TEST(MeasuredProducts, OfAnH200) {
  const Measured measured("h200");
  ASSERT_EQ(measured.products().size(), 74u);
  measured.ExpectAllHaveTheBitsOf(kH200TensorCore);
}

TEST(MeasuredProducts, OfAnH100) {
  const Measured measured("h100");
  ASSERT_EQ(measured.products().size(), 176u);
  measured.ExpectAllHaveTheBitsOf(kH100TensorCore);
}

// Other arithmetic and another GPU's recipes are told apart: the tests above can fail.
TEST(MeasuredProducts, AreNoOtherGpus) {
  EXPECT_GT(Measured("h200").AllDifferences(kAmpereTensorCore), 10);
  EXPECT_GT(Measured("h200").AllDifferences(kH100TensorCore), 0);
  EXPECT_GT(Measured("h100").AllDifferences(kH200TensorCore), 0);
}

// Every element, by the digest; in parts, for test shards.
class WholeOutputs : public testing::TestWithParam<int> {
 public:
  static constexpr int kParts = 8;
};

TEST_P(WholeOutputs, HaveTheMeasuredDigests) {
  const Measured measured("h200");
  for (size_t i = GetParam(); i < measured.products().size(); i += kParts) {
    const Product& product = measured.products()[i];
    const auto& [m, n, k] = product.shape;
    const std::vector<uint16_t> y = Multiply(kH200TensorCore, InputFormat::kBfloat16, product.shape,
                                             Bfloat16Inputs(product.seed_x, m * k), m,
                                             Bfloat16Inputs(product.seed_w, n * k), n);
    EXPECT_EQ(schema::Sha256Hex({reinterpret_cast<const char*>(y.data()), y.size() * 2}),
              product.sha256)
        << m << " x " << n << " x " << k;
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, WholeOutputs, testing::Range(0, WholeOutputs::kParts));

class Samples : public testing::TestWithParam<const TensorCore*> {};

// testdata/hopper/product_samples_GPU.{json,bin}: a row of each, of both types.
TEST_P(Samples, HaveTheMeasuredBits) {
  const TensorCore& core = *GetParam();
  const std::string name =
      absl::StrCat("testdata/hopper/product_samples_", absl::AsciiStrToLower(core.gpu));
  const std::string stored = ReadFile(name + ".bin");
  rapidjson::Document document;
  document.Parse(ReadFile(name + ".json").c_str());
  ASSERT_FALSE(document.HasParseError());
  size_t at = 0;
  int64_t measured = 0, split = 0, other = 0;
  for (const auto& sample : document["samples"].GetArray()) {
    const InputFormat format = sample[0].GetString() == std::string_view("bfloat16")
                                   ? InputFormat::kBfloat16
                                   : InputFormat::kFloat16;
    const ProductShape shape = {sample[1].GetInt64(), sample[2].GetInt64(), sample[3].GetInt64()};
    const int64_t columns = sample[4].GetInt64();
    const std::vector<uint16_t> y =
        Multiply(core, format, shape, MeasuredInputs(format, 1, shape.k), 1,
                 MeasuredInputs(format, 2, columns * shape.k), columns);
    const bool is_equal = std::memcmp(stored.data() + at, y.data(), 2 * y.size()) == 0;
    at += 2 * y.size();
    if (!IsMeasured(core, format, shape)) {
      other += !is_equal;
      continue;
    }
    EXPECT_TRUE(is_equal) << sample[0].GetString() << " " << shape.m << " x " << shape.n << " x "
                          << shape.k;
    ++measured;
    split += KRanges(core, format, shape).size() > 1;
  }
  EXPECT_EQ(at, stored.size());
  EXPECT_GT(measured, 500);
  EXPECT_GT(split, 200);
  EXPECT_GT(other, 0) << "unaligned shapes are assumed to be chains: what is the caveat for?";
}

INSTANTIATE_TEST_SUITE_P(Gpus, Samples, testing::Values(&kH100TensorCore, &kH200TensorCore),
                         [](const auto& info) { return std::string(info.param->gpu); });

// A recipe follows from the type, too, and in no simple way from the number of rows.
TEST(ProductRecipes, RangesCoverK) {
  const auto ranges = [](const TensorCore& core, int64_t m, int64_t n, int64_t k,
                         InputFormat format = InputFormat::kBfloat16) {
    return KRanges(core, format, {m, n, k});
  };
  const std::vector<KRange> split = ranges(kH200TensorCore, 16, 2048, 4096);
  ASSERT_EQ(split.size(), 3u);
  EXPECT_EQ(split[0].end, 22 * 64);
  EXPECT_EQ(split[1].begin, 22 * 64);
  EXPECT_EQ(split[2].begin, 44 * 64);
  EXPECT_EQ(split[2].end, 4096);
  EXPECT_EQ(ranges(kH100TensorCore, 40, 2048, 4096).size(), 2u);
  EXPECT_EQ(ranges(kH100TensorCore, 41, 2048, 4096).size(), 1u);
  EXPECT_EQ(ranges(kH100TensorCore, 64, 2048, 4096).size(), 2u);
  EXPECT_EQ(ranges(kH100TensorCore, 65, 2048, 4096).size(), 1u);
  EXPECT_EQ(ranges(kH100TensorCore, 8, 4096, 4096).size(), 2u);
  EXPECT_EQ(ranges(kH100TensorCore, 8, 4096, 4096, InputFormat::kFloat16).size(), 1u);
  EXPECT_EQ(ranges(kAmpereTensorCore, 1, 2048, 4096).size(), 1u);
  EXPECT_EQ(ProductRecipesDigest(kH100TensorCore).size(), 64u);
}

TEST(ProductRecipes, AProductOverNothingIsZero) {
  const ProductShape shape = {2, 8, 0};
  EXPECT_TRUE(KRanges(kH100TensorCore, InputFormat::kBfloat16, shape).empty());
  const std::vector<uint16_t> w;
  const PackedColumns packed(kH100TensorCore, InputFormat::kBfloat16, w.data(), 8, 0, 0);
  std::vector<float> y(16, 7);
  MultiplyByRecipe(kH100TensorCore, InputFormat::kBfloat16, shape, w.data(), 2, packed, y.data());
  EXPECT_EQ(y, std::vector<float>(16, 0));
}

TEST(ProductRecipes, KnowWhatWasMeasured) {
  const auto is_measured = [](const TensorCore& core, int64_t m, int64_t n, int64_t k) {
    return IsMeasured(core, InputFormat::kBfloat16, {m, n, k});
  };
  EXPECT_TRUE(is_measured(kH100TensorCore, 6144, 5120, 2048));
  EXPECT_TRUE(is_measured(kH100TensorCore, 6144, 2048, 4096));
  EXPECT_FALSE(is_measured(kH100TensorCore, 6145, 2048, 4096));
  EXPECT_FALSE(is_measured(kH100TensorCore, 1, 2056, 4096)) << "no line";
  EXPECT_FALSE(is_measured(kH100TensorCore, 1, 2048, 1004)) << "unaligned";
  EXPECT_FALSE(is_measured(kH100TensorCore, 1, 2001, 1024)) << "unaligned";
  EXPECT_FALSE(is_measured(kAmpereTensorCore, 1, 2048, 2048)) << "never seen";
}

}  // namespace
}  // namespace forensics::runner
