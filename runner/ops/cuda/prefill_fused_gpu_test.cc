// Norms, rotation, routing and activation against the CPU's kernels, which round in the same places
// but sum in another order and have another e^x, and against float64.
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <limits>

#include "runner/ops/cuda/fused_kernels.h"
#include "runner/ops/cuda/gpu_test_tensors.h"
#include "runner/ops/rms_norm.h"
#include "runner/ops/rotary.h"
#include "runner/ops/router.h"
#include "runner/ops/swiglu.h"

namespace forensics::runner {
namespace {

// A last bit before a product may become two after it. In float32 the order of a sum shows.
int64_t Ulps(at::ScalarType dtype) { return dtype == at::kFloat ? 16 : 2; }
double EqualShare(at::ScalarType dtype) { return dtype == at::kFloat ? 0 : 0.99; }

class FusedTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(FusedTest, RmsNorm) {
  for (const int64_t width : {2048, 768, 8, 40, 130, 1, 9000, 16384}) {
    for (const int64_t rows : {1, 33}) {
      SCOPED_TRACE(testing::Message() << rows << " x " << width);
      const at::Tensor x = (Noise({rows, width}, 1) * 3).to(GetParam());
      const at::Tensor weight = Noise({width}, 2).to(GetParam());
      const at::Tensor found =
          Repeated([x = OnGpu(x), w = OnGpu(weight)] { return RmsNormCuda(x, w, 1e-6); });
      ExpectWithinUlps(found, RmsNorm(x, weight, 1e-6), Ulps(GetParam()), EqualShare(GetParam()));
      const at::Tensor wide = x.to(at::kDouble);
      const at::Tensor reference =
          wide * ((wide * wide).mean(-1, true) + 1e-6).rsqrt() * weight.to(at::kDouble);
      ExpectRelativeL2(found, reference, Epsilon(GetParam()), 0);
    }
  }
}

TEST_P(FusedTest, AddRmsNorm) {
  for (const int64_t width : {2048, 100}) {
    const at::Tensor x = Noise({50, width}, 1).to(GetParam());
    const at::Tensor before = (Noise({50, width}, 2) * 10).to(GetParam());
    const at::Tensor weight = Noise({width}, 3).to(GetParam());
    at::Tensor residual = before.clone(), on_gpu;
    const at::Tensor expected = AddRmsNorm(residual, x, weight, 1e-5);
    const at::Tensor found = Repeated([&] {
      on_gpu = OnGpu(before);
      return AddRmsNormCuda(on_gpu, OnGpu(x), OnGpu(weight), 1e-5);
    });
    EXPECT_TRUE(at::equal(on_gpu.cpu(), residual));
    ExpectWithinUlps(found, expected, Ulps(GetParam()), EqualShare(GetParam()));
  }
}

// Rows that do not begin at multiples of 16 bytes give the same bits.
TEST_P(FusedTest, AlignmentDoesNotShow) {
  const at::Tensor weight = OnGpu(Noise({256}, 1).to(GetParam()));
  const at::Tensor memory = OnGpu(Noise({10 * 256 + 1}, 2).to(GetParam()));
  const at::Tensor odd = memory.narrow(0, 1, 2560).view({10, 256});
  EXPECT_TRUE(at::equal(RmsNormCuda(odd, weight, 1e-6), RmsNormCuda(odd.clone(), weight, 1e-6)));
  EXPECT_TRUE(at::equal(SwiGluCuda(odd), SwiGluCuda(odd.clone())));
}

TEST_P(FusedTest, SwiGlu) {
  for (const int64_t width : {768, 24, 5}) {
    at::Tensor gate_up = (Noise({77, 2 * width}, 1) * 4).to(GetParam());
    const float extremes[] = {100, -100, -89, 0, std::numeric_limits<float>::infinity()};
    for (int64_t i = 0; i < 5; ++i) gate_up[i][0] = extremes[i];
    const at::Tensor found = Repeated([x = OnGpu(gate_up)] { return SwiGluCuda(x); });
    ExpectWithinUlps(found, SwiGlu(gate_up), Ulps(GetParam()), EqualShare(GetParam()));
    const at::Tensor gate = gate_up.narrow(0, 5, 72).narrow(1, 0, width).to(at::kDouble);
    const at::Tensor up = gate_up.narrow(0, 5, 72).narrow(1, width, width).to(at::kDouble);
    ExpectRelativeL2(found.narrow(0, 5, 72), gate * at::sigmoid(gate) * up, Epsilon(GetParam()) * 2,
                     0);
  }
}

struct Heads {
  int64_t batch, tokens, heads, kv_heads, dim;
};

constexpr Heads kHeads[] = {{1, 20, 8, 4, 32}, {2, 37, 8, 1, 128}, {3, 1, 2, 2, 64},
                            {1, 5, 3, 1, 10},  {1, 3, 2, 1, 96},   {1, 2, 1, 1, 256}};

class SplitHeadsGpuTest : public testing::TestWithParam<std::tuple<at::ScalarType, bool>> {};

TEST_P(SplitHeadsGpuTest, AgreesWithTheCpu) {
  const auto& [dtype, has_norms] = GetParam();
  for (const Heads& s : kHeads) {
    SCOPED_TRACE(s.dim);
    const at::Tensor qkv =
        Noise({s.batch * s.tokens, (s.heads + 2 * s.kv_heads) * s.dim}, 1).to(dtype);
    const at::Tensor angles = Noise({s.tokens, s.dim / 2}, 2) * 100;
    const RotaryTable table = {angles.cos().to(dtype).to(at::kFloat),
                               angles.sin().to(dtype).to(at::kFloat)};
    HeadNorms norms, gpu_norms;
    if (has_norms) {
      norms = {Noise({s.dim}, 3).to(dtype), Noise({s.dim}, 4).to(dtype), 1e-6};
      gpu_norms = {OnGpu(norms.query), OnGpu(norms.key), 1e-6};
    }
    const at::Tensor cache = at::zeros({2, s.batch, s.kv_heads, s.tokens + 9, s.dim}, dtype);
    const auto places = [&](const at::Tensor& both, int64_t i) {
      return both[i].narrow(2, 4, s.tokens);
    };
    at::Tensor keys = places(cache, 0), values = places(cache, 1);
    const at::Tensor expected = SplitHeads(qkv, norms, table, keys, values);
    const at::Tensor gpu_cache = OnGpu(at::zeros_like(cache));
    const RotaryTable gpu_table = {OnGpu(table.cos), OnGpu(table.sin)};
    const at::Tensor found = Repeated([&, x = OnGpu(qkv)] {
      at::Tensor k = places(gpu_cache, 0), v = places(gpu_cache, 1);
      return SplitHeadsCuda(x, gpu_norms, gpu_table, k, v);
    });
    // Without norms there is no sum whose order could differ.
    const int64_t ulps = has_norms ? Ulps(dtype) : 0;
    if (dtype == at::kFloat && has_norms) {
      ExpectRelativeL2(found, expected, 1e-6, 0);
      ExpectRelativeL2(gpu_cache.cpu()[0], cache[0], 1e-6, 0);
    } else if (has_norms) {
      ExpectRelativeL2(found, expected, 1e-3, 0);
      ExpectRelativeL2(gpu_cache.cpu()[0], cache[0], 1e-3, 0);
    } else {
      ExpectWithinUlps(found, expected, ulps, 1);
      ExpectWithinUlps(gpu_cache.cpu()[0], cache[0], ulps, 1);
    }
    EXPECT_TRUE(at::equal(gpu_cache.cpu()[1], cache[1]));
  }
}

INSTANTIATE_TEST_SUITE_P(All, SplitHeadsGpuTest,
                         testing::Combine(testing::Values(at::kFloat, at::kBFloat16),
                                          testing::Bool()));

void ExpectSameRouting(const at::Tensor& logits, int64_t slots, bool normalise, int64_t ulps) {
  SCOPED_TRACE(testing::Message() << logits.sizes() << " " << slots);
  const Routing expected = RouteTokens(logits, slots, normalise);
  const at::Tensor on_gpu = OnGpu(logits);
  const at::Tensor experts =
      Repeated([&] { return RouteTokensCuda(on_gpu, slots, normalise).experts; });
  const at::Tensor weights =
      Repeated([&] { return RouteTokensCuda(on_gpu, slots, normalise).weights; });
  EXPECT_TRUE(at::equal(experts, expected.experts));
  ExpectWithinUlps(weights.to(logits.scalar_type()).to(at::kFloat), weights, 0, 1);
  ExpectWithinUlps(weights.to(logits.scalar_type()), expected.weights.to(logits.scalar_type()),
                   ulps, logits.scalar_type() == at::kFloat ? 0 : 0.98);
}

TEST_P(FusedTest, RouteTokens) {
  const int64_t ulps = GetParam() == at::kFloat ? 32 : 1;
  for (const auto& [experts, slots] :
       {std::pair{128, 8}, {8, 2}, {256, 16}, {40, 32}, {10, 10}, {1, 1}, {33, 3}}) {
    for (const bool normalise : {false, true}) {
      ExpectSameRouting((Noise({301, experts}, 1) * 2).to(GetParam()), slots, normalise, ulps);
    }
  }
  ExpectSameRouting(at::zeros({3, 100}, GetParam()), 4, true, 0);  // ties
  ExpectSameRouting(at::full({2, 8}, std::numeric_limits<double>::quiet_NaN()).to(GetParam()), 3,
                    true, 0);
}

INSTANTIATE_TEST_SUITE_P(Dtypes, FusedTest, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

TEST(FusedGpuTest, RefusesWhatDoesNotFit) {
  const at::Tensor x = Noise({2, 16}, 1);
  EXPECT_THROW(SwiGluCuda(x), c10::Error) << "on the CPU";
  EXPECT_THROW(SwiGluCuda(OnGpu(x).to(at::kHalf)), c10::Error);
  EXPECT_THROW(RmsNormCuda(OnGpu(x), OnGpu(Noise({15}, 1)), 0), c10::Error);
  EXPECT_THROW(RouteTokensCuda(OnGpu(x), 17, true), c10::Error);
}

}  // namespace
}  // namespace forensics::runner
