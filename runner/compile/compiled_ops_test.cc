// Every compiled region of the mini model against float64, at the row counts of decoding and of
// prefill. The references round nowhere: TorchInductor may drop the roundings between fused
// operations, so that a result is off by one rounding of the output, or by a few.
#include "runner/compile/compiled_ops.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runner/compile/testing/device.h"
#include "runner/ops/kernel_log.h"
#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;

PackageKey MiniKey(at::ScalarType dtype) {
  PackageKey key;
  key.device = TestPackageDevice();
  key.dtype = dtype == at::kFloat ? "float32" : "bfloat16";
  key.hidden = 256;
  key.heads = 8;
  key.kv_heads = 4;
  key.head_dim = 32;
  key.qk_norm = true;
  key.eps = 1e-6;
  key.experts = 8;
  key.slots = 2;
  key.normalise = true;
  key.widths = {128};
  return key;
}

const FusedOps& Ops(at::ScalarType dtype) {
  static auto& loaded = *new std::map<at::ScalarType, std::unique_ptr<FusedOps>>;
  auto& ops = loaded[dtype];
  if (ops == nullptr) ops = LoadCompiledOps(MiniPackages(), MiniKey(dtype)).value();
  return *ops;
}

// Noise on the device under test.
at::Tensor Input(std::vector<int64_t> shape, int64_t seed) {
  return Noise(std::move(shape), seed).to(kTestDevice);
}

at::Tensor NormReference(const at::Tensor& x, const at::Tensor& weight) {
  const at::Tensor wide = x.to(at::kDouble);
  return wide * at::rsqrt(wide.square().mean(-1, true) + 1e-6) * weight.to(at::kDouble);
}

using Parameters = std::tuple<at::ScalarType, int64_t>;

class CompiledOpsTest : public testing::TestWithParam<Parameters> {
 protected:
  at::ScalarType dtype() const { return std::get<0>(GetParam()); }
  int64_t rows() const { return std::get<1>(GetParam()); }
  at::TensorOptions Options() const { return at::TensorOptions(kTestDevice).dtype(dtype()); }
  const FusedOps& ops() const { return Ops(dtype()); }
  at::Tensor Random(std::vector<int64_t> shape, int64_t seed) const {
    return Input(std::move(shape), seed).to(dtype());
  }
  // Within `roundings` of the dtype, and not exact: an output of one rounding has a relative L2
  // error of about a quarter of Epsilon.
  void ExpectRounded(const at::Tensor& found, const at::Tensor& expected, double roundings) const {
    EXPECT_EQ(found.scalar_type(), dtype());
    ExpectRelativeL2(found, expected, Epsilon(dtype()) * roundings, Epsilon(dtype()) / 100);
  }
};

TEST_P(CompiledOpsTest, RmsNorm) {
  const at::Tensor x = Random({rows(), 256}, 1) * 5, weight = Random({256}, 2);
  ExpectRounded(ops().RmsNorm(x, weight), NormReference(x, weight), 1);
  const at::Tensor small = x * 1e-4;  // where epsilon counts
  ExpectRounded(ops().RmsNorm(small, weight), NormReference(small, weight), 1);
}

TEST_P(CompiledOpsTest, AddRmsNorm) {
  const at::Tensor before = Random({rows(), 256}, 3), x = Random({rows(), 256}, 4);
  const at::Tensor weight = Random({256}, 2), untouched = before.clone();
  at::Tensor residual = before;
  const at::Tensor norm = ops().AddRmsNorm(residual, x, weight);
  EXPECT_TRUE(at::equal(residual, before + x)) << "one addition, rounded once";
  EXPECT_TRUE(at::equal(before, untouched));
  ExpectRounded(norm, NormReference(before.to(at::kDouble) + x.to(at::kDouble), weight), 1);
}

TEST_P(CompiledOpsTest, SplitHeads) {
  constexpr int64_t kHeads = 8, kKvHeads = 4, kDim = 32, kAll = kHeads + 2 * kKvHeads;
  for (const int64_t batch : {1, 2, 4}) {
    const at::Tensor qkv = Random({batch * rows(), kAll * kDim}, 1);
    const HeadNorms norms = {Random({kDim}, 2), Random({kDim}, 3), 1e-6};
    const at::Tensor angles = Input({rows(), kDim / 2}, 4) * 100;
    const RotaryTable table = {angles.cos().to(dtype()).to(at::kFloat),
                               angles.sin().to(dtype()).to(at::kFloat)};
    const at::Tensor key_cache = at::zeros({batch, kKvHeads, rows() + 9, kDim}, Options());
    const at::Tensor value_cache = at::zeros_like(key_cache);
    at::Tensor keys = key_cache.narrow(2, 4, rows()), values = value_cache.narrow(2, 4, rows());
    const at::Tensor queries = ops().SplitHeads(qkv, norms, table, keys, values);

    const at::Tensor heads = qkv.view({batch, rows(), kAll, kDim}).transpose(1, 2);
    const at::Tensor cos = at::cat({table.cos, table.cos}, -1).to(at::kDouble);
    const at::Tensor sin = at::cat({table.sin, table.sin}, -1).to(at::kDouble);
    const auto rotated = [&](const at::Tensor& x, const at::Tensor& weight) {
      const at::Tensor normal = NormReference(x, weight);
      const at::Tensor half =
          at::cat({-normal.narrow(-1, kDim / 2, kDim / 2), normal.narrow(-1, 0, kDim / 2)}, -1);
      return normal * cos + half * sin;
    };
    EXPECT_TRUE(queries.is_contiguous());
    ExpectRounded(queries, rotated(heads.narrow(1, 0, kHeads), norms.query), 2);
    ExpectRounded(keys, rotated(heads.narrow(1, kHeads, kKvHeads), norms.key), 2);
    EXPECT_TRUE(at::equal(values, heads.narrow(1, kHeads + kKvHeads, kKvHeads)));
    for (const at::Tensor& cache : {key_cache, value_cache}) {
      EXPECT_EQ(cache.narrow(2, 0, 4).abs().sum().item<float>(), 0) << "before the new places";
      EXPECT_EQ(cache.narrow(2, 4 + rows(), 5).abs().sum().item<float>(), 0) << "after them";
    }
  }
}

TEST_P(CompiledOpsTest, RouteTokens) {
  const at::Tensor logits = Random({rows(), 8}, 1);
  const Routing found = ops().RouteTokens(logits);
  EXPECT_EQ(found.experts.scalar_type(), at::kInt);
  EXPECT_TRUE(at::equal(found.weights, found.weights.to(dtype()).to(at::kFloat)));
  const at::Tensor probabilities = at::softmax(logits.to(at::kDouble), -1);
  const at::Tensor largest =
      std::get<0>(at::sort(probabilities, /*dim=*/-1, /*descending=*/true)).narrow(1, 0, 2);
  // Equal logits may come in either order; their probabilities are the same.
  EXPECT_TRUE(at::equal(probabilities.gather(1, found.experts.to(at::kLong)), largest));
  EXPECT_TRUE(found.experts.select(1, 0).ne(found.experts.select(1, 1)).all().item<bool>());
  // Of a single row's two weights both may happen to be exact.
  ExpectRelativeL2(found.weights, largest / largest.sum(-1, true), Epsilon(dtype()),
                   rows() > 1 ? Epsilon(dtype()) / 200 : 0);
}

TEST_P(CompiledOpsTest, SwiGlu) {
  const at::Tensor gate = Random({rows(), 128}, 1) * 4, up = Random({rows(), 128}, 2);
  const at::Tensor wide = gate.to(at::kDouble);
  ExpectRounded(ops().SwiGlu(at::cat({gate, up}, 1)), wide * at::sigmoid(wide) * up.to(at::kDouble),
                1);
}

TEST_P(CompiledOpsTest, BitsDoNotDependOnThreadsOrNeighbours) {
  const at::Tensor x = Random({rows(), 256}, 1), weight = Random({256}, 2);
  const at::Tensor all = ops().RmsNorm(x, weight);
  EXPECT_TRUE(at::equal(all, ops().RmsNorm(x, weight))) << "two runs";
  EXPECT_TRUE(at::equal(all.narrow(0, 0, 1), ops().RmsNorm(x.narrow(0, 0, 1), weight)))
      << "without the other rows";
  const int threads = at::get_num_threads();
  at::set_num_threads(threads == 1 ? 2 : 1);
  EXPECT_TRUE(at::equal(all, ops().RmsNorm(x, weight))) << "another number of threads";
  at::set_num_threads(threads);
}

INSTANTIATE_TEST_SUITE_P(All, CompiledOpsTest,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::Values(1, 2, 4, 700)),
                         [](const auto& info) {
                           return std::string(c10::toString(std::get<0>(info.param))) + "_" +
                                  std::to_string(std::get<1>(info.param));
                         });

TEST(CompiledOps, RefusesOtherShapesAndDtypes) {
  const FusedOps& ops = Ops(at::kFloat);
  const at::Tensor weight = Input({256}, 1);
  struct Case {
    const char* what;
    at::Tensor x;
    const char* message;
  };
  for (const Case& c : {Case{"narrow", Input({3, 128}, 1), "expected contiguous Float [rows, 256]"},
                        {"dtype", Input({3, 256}, 1).to(at::kBFloat16), "found BFloat16 [3, 256]"},
                        {"strided", Input({256, 3}, 1).t(), "expected contiguous"},
                        {"empty", Input({0, 256}, 1), "found Float [0, 256]"},
                        {"device", at::empty({3, 256}, at::kMeta), "on the meta"}}) {
    try {
      ops.RmsNorm(c.x, weight);
      FAIL() << c.what;
    } catch (const c10::Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(c.message)) << c.what;
    }
  }
  EXPECT_THROW(ops.SwiGlu(Input({2, 100}, 1)), c10::Error);
  if (kTestDevice == at::kCPU) return;
  const at::Tensor huge = at::empty({int64_t{1} << 23, 256}, at::TensorOptions(kTestDevice));
  EXPECT_THROW(ops.RmsNorm(huge, weight), c10::Error);
}

TEST(CompiledOps, RegionsAreInTheKernelLog) {
  const FusedOps& ops = Ops(at::kFloat);
  const at::Tensor x = Input({6, 256}, 1), weight = Input({256}, 2), head = Input({32}, 3);
  const at::Tensor angles = Input({3, 16}, 4);
  at::Tensor residual = x, keys = at::zeros({2, 4, 3, 32}, kTestDevice),
             values = at::zeros_like(keys);
  KernelLog log;
  const ActiveKernelLog active(&log);
  ops.RmsNorm(x, weight);
  ops.AddRmsNorm(residual, x, weight);
  ops.AddRmsNorm(residual, x, weight);
  ops.SplitHeads(Input({6, 512}, 5), {head, head, 1e-6}, {angles.cos(), angles.sin()}, keys,
                 values);
  ops.RouteTokens(Input({5, 8}, 6));
  ops.SwiGlu(Input({7, 256}, 7));
  std::vector<std::string> lines;
  for (const KernelLog::Entry& entry : log.entries()) {
    lines.push_back(absl::StrCat(entry.kernel, " (", entry.OperandsText(), "): ", entry.calls,
                                 " on ", entry.max_rows));
  }
  EXPECT_THAT(lines, ElementsAre("compiled/norm (width=256): 1 on 6",
                                 "compiled/add_norm (width=256): 2 on 6",
                                 "compiled/split_heads (heads=8, kv_heads=4, head_dim=32): 1 on 6",
                                 "compiled/route (experts=8, slots=2): 1 on 5",
                                 "compiled/swiglu (width=128): 1 on 7"));
}

TEST(CompiledOps, LeavesNoUnpackedFiles) {
  Ops(at::kFloat);
  std::ifstream maps("/proc/self/maps");
  int regions = 0;
  for (std::string line; std::getline(maps, line);) {
    if (!absl::StrContains(line, "/data/aotinductor/")) continue;
    ++regions;
    EXPECT_THAT(line, EndsWith("(deleted)"));
  }
  EXPECT_GE(regions, 5);
}

TEST(CompiledOps, SettingsNameThePackage) {
  const auto settings = Ops(at::kFloat).Settings();
  EXPECT_EQ(settings.at("compiled_package").size(), std::string("sha256:").size() + 64);
  EXPECT_NE(settings.at("compiled_package"), Ops(at::kBFloat16).Settings().at("compiled_package"));
  EXPECT_THAT(settings.at("compiled_by"), HasSubstr("AOTInductor of torch 2."));
}

}  // namespace
}  // namespace forensics::runner
