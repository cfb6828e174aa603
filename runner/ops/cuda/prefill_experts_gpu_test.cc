// Experts of many tokens: the sort against std::stable_sort, the sum against its definition, the
// whole against the CPU's MixExperts in float32.
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/testing/random_tensors.h"
#include "runner/ops/cuda/expert_groups.h"
#include "runner/ops/cuda/fused_kernels.h"
#include "runner/ops/cuda/gpu_test_tensors.h"
#include "runner/ops/cuda/grouped_experts.h"
#include "runner/ops/cuda/repack.h"
#include "runner/ops/swiglu.h"

namespace forensics::runner {
namespace {

// Ids as a router of `experts` would choose, distinct within a token.
Routing Route(int64_t tokens, int64_t experts, int64_t slots, at::ScalarType dtype) {
  at::Tensor logits = Noise({tokens, experts}, tokens + experts);
  if (experts > slots) logits.select(1, 0).fill_(-100);  // one without tokens
  return RouteTokens(logits.to(dtype), slots, true);
}

Routing OnGpu(const Routing& routing) {
  return {runner::OnGpu(routing.experts), runner::OnGpu(routing.weights)};
}

struct Sort {
  int64_t tokens, slots, experts, first, held;
};

constexpr Sort kSorts[] = {{1, 1, 1, 0, 1},        {1, 8, 128, 0, 128},    {5, 3, 8, 0, 8},
                           {1000, 8, 128, 0, 128}, {6144, 8, 128, 0, 128}, {6144, 8, 128, 32, 64},
                           {77, 2, 10, 7, 3},      {3, 2, 10, 0, 1}};

TEST(ExpertGroupsTest, IsAStableSort) {
  for (const Sort& s : kSorts) {
    SCOPED_TRACE(testing::Message() << s.tokens << " x " << s.slots << " of " << s.experts);
    const at::Tensor ids = Route(s.tokens, s.experts, s.slots, at::kFloat).experts;
    const at::Tensor on_gpu = runner::OnGpu(ids);
    const at::Tensor ends =
        Repeated([&] { return GroupByExpertCuda(on_gpu, s.first, s.held).ends; });
    const at::Tensor places =
        Repeated([&] { return GroupByExpertCuda(on_gpu, s.first, s.held).place_of; });
    const int32_t* id = ids.const_data_ptr<int32_t>();
    std::vector<int32_t> pairs(ids.numel()), expected_places(ids.numel(), -1);
    std::iota(pairs.begin(), pairs.end(), 0);
    std::stable_sort(pairs.begin(), pairs.end(), [&](int a, int b) { return id[a] < id[b]; });
    std::vector<int32_t> expected_ends(s.held, 0);
    int32_t place = 0;
    for (const int32_t pair : pairs) {
      if (id[pair] < s.first || id[pair] >= s.first + s.held) continue;
      expected_places[pair] = place++;
      expected_ends[id[pair] - s.first] = place;
    }
    for (int64_t e = 1; e < s.held; ++e) {
      expected_ends[e] = std::max(expected_ends[e], expected_ends[e - 1]);
    }
    const auto values = [](const at::Tensor& t) {
      const int32_t* begin = t.const_data_ptr<int32_t>();
      return std::vector<int32_t>(begin, begin + t.numel());
    };
    EXPECT_EQ(values(ends), expected_ends);
    EXPECT_EQ(values(places), expected_places);
  }
}

// Four roundings to the dtype on the way; in float32 the sums' own.
double Bound(at::ScalarType dtype) { return Epsilon(dtype) * (dtype == at::kFloat ? 10 : 4); }

class ExpertsGpuTest : public testing::TestWithParam<at::ScalarType> {};

TEST_P(ExpertsGpuTest, ScatterAndWeightedSumAreTheirDefinitions) {
  for (const int64_t width : {2048, 100}) {
    const int64_t tokens = 60, slots = 8, first = 3, held = 20;
    const Routing routing = Route(tokens, 30, slots, GetParam());
    const at::Tensor x = Noise({tokens, width}, 1).to(GetParam());
    const at::Tensor places =
        GroupByExpertCuda(runner::OnGpu(routing.experts), first, held).place_of;
    const at::Tensor sorted =
        Repeated([&, gpu_x = runner::OnGpu(x)] { return ScatterRowsCuda(gpu_x, places); });
    const at::Tensor y = Noise({tokens * slots, width}, 2).to(GetParam());
    const at::Tensor found =
        Repeated([&, gpu_y = runner::OnGpu(y), gpu_weights = runner::OnGpu(routing.weights)] {
          return WeightedSumCuda(gpu_y, places, gpu_weights);
        });
    const at::Tensor host_places = places.cpu();
    for (int64_t t = 0; t < tokens; ++t) {
      at::Tensor sum = at::zeros({width}, at::kFloat);
      for (int64_t s = 0; s < slots; ++s) {
        const int64_t place = host_places[t][s].item<int>();
        if (place < 0) continue;
        EXPECT_TRUE(at::equal(sorted[place], x[t]));
        sum = sum + routing.weights[t][s] * y[place].to(at::kFloat);  // rounds twice
      }
      EXPECT_TRUE(at::equal(found[t], sum.to(GetParam())));
    }
  }
}

struct Shape {
  int64_t experts, slots, hidden, width;
};

constexpr Shape kShapes[] = {
    {16, 4, 256, 128}, {8, 2, 128, 64}, {128, 8, 256, 128}, {6, 3, 40, 20}};

TEST_P(ExpertsGpuTest, AgreesWithTheCpuInFloat32) {
  for (const Shape& s : kShapes) {
    const ExpertWeights weights = {
        (Noise({s.experts, 2 * s.width, s.hidden}, 1) * 0.1).to(GetParam()),
        (Noise({s.experts, s.hidden, s.width}, 2) * 0.1).to(GetParam())};
    const ExpertWeights wide = {weights.gate_up.to(at::kFloat), weights.down.to(at::kFloat)};
    const ExpertWeights on_gpu = {runner::OnGpu(weights.gate_up), runner::OnGpu(weights.down)};
    for (const int64_t tokens : {1, 2, 50, 333}) {
      SCOPED_TRACE(testing::Message() << s.experts << " experts, " << tokens << " tokens");
      const at::Tensor x = Noise({tokens, s.hidden}, 3).to(GetParam());
      const Routing routing = Route(tokens, s.experts, s.slots, GetParam());
      const at::Tensor found = Repeated([&, gpu_x = runner::OnGpu(x), gpu = OnGpu(routing)] {
        return MixExpertsCuda(gpu_x, gpu, on_gpu, SwiGluCuda);
      });
      ExpectRelativeL2(found, MixExperts(x.to(at::kFloat), routing, wide, SwiGlu),
                       Bound(GetParam()), Epsilon(GetParam()) / 100);
    }
  }
}

// The parts of two ranks add up to the whole.
TEST_P(ExpertsGpuTest, HeldExpertsOnly) {
  const int64_t experts = 24, hidden = 128, width = 64;
  const at::Tensor gate_up = (Noise({experts, 2 * width, hidden}, 1) * 0.1).to(GetParam());
  const at::Tensor down = (Noise({experts, hidden, width}, 2) * 0.1).to(GetParam());
  const ExpertWeights all = {gate_up.to(at::kFloat), down.to(at::kFloat)};
  for (const int64_t tokens : {2, 40}) {
    const at::Tensor x = Noise({tokens, hidden}, 3).to(GetParam());
    const Routing routing = Route(tokens, experts, 3, GetParam());
    at::Tensor sum = at::zeros({tokens, hidden}, at::kFloat);
    for (const auto& [first, count] : {std::pair{0, 10}, {10, 14}}) {
      const ExpertWeights held = {runner::OnGpu(gate_up.narrow(0, first, count)),
                                  runner::OnGpu(down.narrow(0, first, count)), first};
      sum += Repeated([&, gpu_x = runner::OnGpu(x), gpu = OnGpu(routing)] {
               return MixExpertsCuda(gpu_x, gpu, held, SwiGluCuda);
             }).to(at::kFloat);
    }
    ExpectRelativeL2(sum, MixExperts(x.to(at::kFloat), routing, all, SwiGlu), Bound(GetParam()),
                     Epsilon(GetParam()) / 100);
  }
}

// Tiles give the bits of the same weights kept dense.
TEST_P(ExpertsGpuTest, TilesAreTheirDenseWeights) {
  const int64_t experts = 9, hidden = 256, width = 128;
  QuantizedExperts tiles = {EmptyInt4Weight(experts, 2 * width, hidden, at::kCUDA),
                            EmptyInt4Weight(experts, hidden, width, at::kCUDA)};
  for (QuantizedWeight* weight : {&tiles.gate_up, &tiles.down}) {
    const int64_t words = weight->tiles.numel();
    weight->tiles.copy_((Noise({words}, 1) * 1e9).to(at::kInt).view(weight->tiles.sizes()));
    const at::Tensor scale = (Noise({weight->scales.numel()}, 2).abs() * 0.01).to(at::kHalf);
    weight->scales.copy_(
        (scale.view(at::kShort).to(at::kInt) + 8 * 65536).view(weight->scales.sizes()));
  }
  DequantizeScratch scratch, gate_up, down;
  const ExpertWeights dense = {Dequantize(tiles.gate_up, GetParam(), gate_up),
                               Dequantize(tiles.down, GetParam(), down)};
  for (const int64_t tokens : {1, 2, 70}) {
    const at::Tensor x = runner::OnGpu(Noise({tokens, hidden}, 3).to(GetParam()));
    const Routing routing = OnGpu(Route(tokens, experts, 2, GetParam()));
    const at::Tensor found =
        Repeated([&] { return MixExpertsCuda(x, routing, tiles, scratch, SwiGluCuda); });
    EXPECT_TRUE(at::equal(found, MixExpertsCuda(x, routing, dense, SwiGluCuda).cpu()));
    EXPECT_GT(found.abs().sum().item<float>(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Dtypes, ExpertsGpuTest, testing::Values(at::kFloat, at::kBFloat16),
                         [](const auto& info) { return c10::toString(info.param); });

}  // namespace
}  // namespace forensics::runner
