#include "runner/ops/tensor_core/product_recipes.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

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

std::vector<uint16_t> Multiply(const TensorCore& core, const ProductShape& shape,
                               const std::vector<uint16_t>& x, int64_t rows,
                               const std::vector<uint16_t>& w, int64_t columns) {
  const PackedColumns packed(core, InputFormat::kBfloat16, w.data(), columns, shape.k, shape.k);
  std::vector<float> y(rows * columns);
  MultiplyByRecipe(core, InputFormat::kBfloat16, shape, x.data(), rows, packed, 0, columns,
                   y.data(), columns);
  std::vector<uint16_t> rounded(y.size());
  std::transform(y.begin(), y.end(), rounded.begin(),
                 [](float value) { return Round(InputFormat::kBfloat16, value); });
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
    const std::vector<uint16_t> y =
        Multiply(core, shape, Bfloat16Inputs(product.seed_x, product.rows * shape.k), product.rows,
                 Bfloat16Inputs(product.seed_w, product.columns * shape.k), product.columns);
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

// Where the whole output is small enough for a test: every element, by the digest.
TEST(MeasuredProducts, WholeOutputsHaveTheMeasuredDigests) {
  const Measured measured("h200");
  int64_t whole = 0;
  for (const Product& product : measured.products()) {
    const auto& [m, n, k] = product.shape;
    if (m * n * k > 600'000'000 || n * k > 20'000'000) continue;
    const std::vector<uint16_t> y =
        Multiply(kH200TensorCore, product.shape, Bfloat16Inputs(product.seed_x, m * k), m,
                 Bfloat16Inputs(product.seed_w, n * k), n);
    EXPECT_EQ(schema::Sha256Hex({reinterpret_cast<const char*>(y.data()), y.size() * 2}),
              product.sha256)
        << m << " x " << n << " x " << k;
    ++whole;
  }
  EXPECT_GE(whole, 50);
}

TEST(ProductRecipes, RangesCoverK) {
  const std::vector<KRange> split = KRanges(kH200TensorCore, {16, 2048, 4096});
  ASSERT_EQ(split.size(), 3u);
  EXPECT_EQ(split[0].end, 22 * 64);
  EXPECT_EQ(split[1].begin, 22 * 64);
  EXPECT_EQ(split[2].begin, 44 * 64);
  EXPECT_EQ(split[2].end, 4096);
  EXPECT_EQ(KRanges(kH200TensorCore, {17, 2048, 4096}).size(), 1u);
  EXPECT_EQ(KRanges(kH100TensorCore, {64, 2048, 4096}).size(), 2u);
  EXPECT_EQ(KRanges(kH100TensorCore, {65, 2048, 4096}).size(), 1u);
  EXPECT_EQ(KRanges(kAmpereTensorCore, {1, 2048, 4096}).size(), 1u);
  EXPECT_EQ(ProductRecipesDigest().size(), 64u);
}

}  // namespace
}  // namespace forensics::runner
