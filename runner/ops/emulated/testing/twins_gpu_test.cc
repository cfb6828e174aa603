// The twins against the GPU's kernels, bit for bit: to be run on a Hopper GPU.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/softmax.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/ops/cuda/decode_step.h"
#include "runner/ops/cuda/decode_test_model.h"
#include "runner/ops/cuda/expert_groups.h"
#include "runner/ops/cuda/fused_kernels.h"
#include "runner/ops/cuda/grouped_experts.h"
#include "runner/ops/cuda/quantized_gemv.h"
#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/decode_step.h"
#include "runner/ops/emulated/eager_attention.h"
#include "runner/ops/emulated/linear_weight.h"
#include "runner/ops/emulated/quantized_matrix.h"
#include "runner/ops/emulated/row_kernels.h"
#include "runner/ops/emulated/testing/this_gpu.h"
#include "runner/ops/tensor_core/product.h"
#include "runner/ops/tensor_core/product_recipes.h"

namespace forensics::runner {
namespace {

constexpr float kEps = 1e-6f;

at::Tensor Random(at::IntArrayRef sizes, double size = 1) {
  return (at::randn(sizes, at::kFloat) * size).to(at::kBFloat16);
}
at::Tensor OnGpu(const at::Tensor& t) { return t.to(at::kCUDA); }
at::Tensor Empty(at::IntArrayRef sizes) { return at::empty(sizes, at::kBFloat16); }

const uint16_t* Bits(const at::Tensor& t) {
  return reinterpret_cast<const uint16_t*>(t.const_data_ptr<at::BFloat16>());
}
uint16_t* MutableBits(at::Tensor& t) {
  return reinterpret_cast<uint16_t*>(t.mutable_data_ptr<at::BFloat16>());
}

void ExpectSameBits(const uint16_t* twin, const at::Tensor& gpu, const char* what) {
  const at::Tensor host = gpu.cpu().contiguous();
  int64_t differences = 0;
  for (int64_t i = 0; i < host.numel(); ++i) differences += twin[i] != Bits(host)[i];
  EXPECT_EQ(differences, 0) << what << ": of " << host.numel();
}

TEST(RowKernels, RmsNorm) {
  for (const int64_t width : {256, 2048, 40, 9000}) {
    const at::Tensor x = Random({37, width}, 3), weight = Random({width});
    at::Tensor twin = Empty({37, width});
    RmsNormTwin(Bits(x), Bits(weight), kEps, width, 0, 37, MutableBits(twin));
    ExpectSameBits(Bits(twin), RmsNormCuda(OnGpu(x), OnGpu(weight), kEps), "rms_norm");

    at::Tensor residual = Random({37, width}, 5), on_gpu = OnGpu(residual);
    const at::Tensor gpu = AddRmsNormCuda(on_gpu, OnGpu(x), OnGpu(weight), kEps);
    AddRmsNormTwin(MutableBits(residual), Bits(x), Bits(weight), kEps, width, 0, 37,
                   MutableBits(twin));
    ExpectSameBits(Bits(residual), on_gpu, "residual");
    ExpectSameBits(Bits(twin), gpu, "add_rms_norm");
  }
}

TEST(RowKernels, SplitHeads) {
  for (const int64_t dim : {32, 128, 80}) {
    const int64_t tokens = 50, half = dim / 2;
    const at::Tensor qkv = Random({tokens, 3 * dim}, 2);
    const HeadNorms norms = {OnGpu(Random({dim})), OnGpu(Random({dim})), kEps};
    const at::Tensor angles = at::rand({tokens, half}, at::kFloat) * 6.28;
    const at::Tensor cos = angles.cos().to(at::kBFloat16).to(at::kFloat);
    const at::Tensor sin = angles.sin().to(at::kBFloat16).to(at::kFloat);
    at::Tensor keys = OnGpu(Empty({1, 1, tokens, dim})), values = OnGpu(Empty({1, 1, tokens, dim}));
    const at::Tensor queries =
        SplitHeadsCuda(OnGpu(qkv), norms, {OnGpu(cos), OnGpu(sin)}, keys, values);
    const at::Tensor query_norm = norms.query.cpu(), key_norm = norms.key.cpu();
    at::Tensor twin_queries = Empty({tokens, dim}), twin_keys = Empty({tokens, dim});
    for (int64_t t = 0; t < tokens; ++t) {
      const float* c = cos.const_data_ptr<float>() + t * half;
      const float* s = sin.const_data_ptr<float>() + t * half;
      const uint16_t* heads = Bits(qkv) + t * 3 * dim;
      SplitHeadTwin(heads, Bits(query_norm), kEps, c, s, dim, MutableBits(twin_queries) + t * dim);
      SplitHeadTwin(heads + dim, Bits(key_norm), kEps, c, s, dim, MutableBits(twin_keys) + t * dim);
    }
    ExpectSameBits(Bits(twin_queries), queries, "queries");
    ExpectSameBits(Bits(twin_keys), keys, "keys");
  }
}

TEST(RowKernels, RouteTokens) {
  for (const auto& [experts, slots] : {std::pair{128, 8}, {8, 2}, {200, 32}}) {
    for (const bool normalise : {true, false}) {
      const int64_t tokens = 300;
      const at::Tensor logits = Random({tokens, experts}, 2);
      const Routing gpu = RouteTokensCuda(OnGpu(logits), slots, normalise);
      const at::Tensor ids = gpu.experts.cpu(), weights = gpu.weights.cpu();
      std::vector<int32_t> twin_ids(tokens * slots);
      std::vector<float> twin_weights(tokens * slots);
      RouteTokensTwin(Bits(logits), experts, slots, normalise, 0, tokens, twin_ids.data(),
                      twin_weights.data());
      for (int64_t i = 0; i < tokens * slots; ++i) {
        ASSERT_EQ(twin_ids[i], ids.const_data_ptr<int32_t>()[i]) << i;
        ASSERT_EQ(twin_weights[i], weights.const_data_ptr<float>()[i]) << i;
      }
    }
  }
}

TEST(RowKernels, SwiGlu) {
  const at::Tensor gate_up = Random({500, 2 * 768}, 4);
  at::Tensor twin = Empty({500, 768});
  SwiGluTwin(Bits(gate_up), 768, 0, 500, MutableBits(twin));
  ExpectSameBits(Bits(twin), SwiGluCuda(OnGpu(gate_up)), "swiglu");
}

TEST(RowKernels, WeightedSum) {
  const int64_t tokens = 100, slots = 8, width = 256;
  const at::Tensor y = Random({tokens * slots, width});
  at::Tensor places = at::arange(tokens * slots, at::kInt).view({tokens, slots}).flip(0);
  places = places.contiguous();
  places[3][2] = -1;
  const at::Tensor weights = at::rand({tokens, slots}, at::kFloat).to(at::kBFloat16).to(at::kFloat);
  at::Tensor twin = Empty({tokens, width});
  WeightedSumTwin(Bits(y), places.const_data_ptr<int32_t>(), weights.const_data_ptr<float>(), slots,
                  width, 0, tokens, MutableBits(twin));
  ExpectSameBits(Bits(twin), WeightedSumCuda(OnGpu(y), OnGpu(places), OnGpu(weights)),
                 "weighted_sum");
}

// ---- Products
// ------------------------------------------------------------------------------------

void ExpectProduct(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& gpu,
                   const char* what) {
  const int64_t m = x.size(0), n = weight.size(0), k = weight.size(1);
  const PackedColumns packed(ThisTensorCore(), InputFormat::kBfloat16, Bits(weight), n, k, k);
  std::vector<float> sums(m * n);
  MultiplyByRecipe(ThisTensorCore(), InputFormat::kBfloat16, {m, n, k}, Bits(x), m, packed,
                   sums.data());
  std::vector<uint16_t> twin(m * n);
  for (int64_t i = 0; i < m * n; ++i) twin[i] = ToBfloat16(sums[i]);
  ExpectSameBits(twin.data(), gpu, what);
}

TEST(Products, FreshShapes) {
  for (const int64_t m : {1, 3, 7, 40, 129, 1017}) {
    for (const auto& [n, k] : {std::pair{512, 256},
                               {256, 256},
                               {8, 256},
                               {4096, 256},
                               {128, 2048},
                               {256, 128},
                               {2048, 4096},
                               {768, 2048},
                               {2048, 768}}) {
      SCOPED_TRACE(testing::Message() << m << " x " << n << " x " << k);
      const at::Tensor x = Random({m, k}), weight = Random({n, k}, 0.1);
      ExpectProduct(x, weight, at::linear(OnGpu(x), OnGpu(weight)), "linear");
    }
  }
}

// Of 16 rows of the stack of a QuantizedWeight: as the twin takes it.
QuantizedMatrix MatrixOf(const QuantizedWeight& weight, int64_t index) {
  QuantizedWeight unit = weight;
  const int64_t group = weight.IsNf4() ? kNf4Block : kScaleGroup;
  const at::Tensor scales = weight.scales.select(0, index).cpu();
  const int64_t groups = weight.columns / group;
  std::vector<float> factors(weight.rows * groups);
  for (int64_t row = 0; row < weight.rows; ++row) {
    for (int64_t g = 0; g < groups; ++g) {
      const int64_t at = (row / 16 * groups + g) * 16 + row % 16;
      factors[row * groups + g] =
          weight.IsNf4() ? scales.const_data_ptr<float>()[at]
                         : static_cast<float>(c10::Half(
                               static_cast<uint16_t>(scales.const_data_ptr<int32_t>()[at]),
                               c10::Half::from_bits()));
    }
  }
  // The integers are what is left of a weight with scales of one.
  if (weight.IsNf4()) {
    unit.scales = at::ones_like(weight.scales);
  } else {
    unit.scales = (weight.scales & ~0xffff) | 0x3c00;
  }
  const at::Tensor values = ExactWeight(unit, index).to(at::kBFloat16).contiguous();
  const auto kept = std::make_shared<at::Tensor>(values);
  return {weight.IsNf4() ? QuantizedFormat::kNf4 : QuantizedFormat::kInteger,
          weight.rows,
          weight.columns,
          {kept, Bits(*kept)},
          std::move(factors)};
}

void Alone(int64_t count, int64_t, absl::FunctionRef<void(int64_t, int64_t)> f) { f(0, count); }

TestModelOptions Options(const DecodeDims& dims, bool nf4, int64_t position, int64_t layers = 1) {
  TestModelOptions o;
  o.dims = dims;
  o.nf4 = nf4;
  o.position = position;
  o.capacity = 4000;
  o.layers = layers;
  return o;
}

TEST(Products, QuantizedGemv) {
  DecodeDims dims = Qwen3_30bDims();
  dims.vocab = 16;
  dims.experts = 8;
  for (const bool nf4 : {false, true}) {
    const DecodeLayerTensors layer = MakeTestModel(Options(dims, nf4, 1)).layers[0];
    for (const QuantizedWeight* weight : {&layer.qkv, &layer.o_proj}) {
      for (const int64_t rows : {1, 5, 8}) {
        const at::Tensor x = Random({rows, weight->columns});
        const std::vector<float> sums =
            MultiplyQuantized(ThisTensorCore(), MatrixOf(*weight, 0), Bits(x), rows,
                              StridedGroups(weight->columns, 8), Alone);
        std::vector<uint16_t> twin(sums.size());
        for (size_t i = 0; i < sums.size(); ++i) twin[i] = ToBfloat16(sums[i]);
        ExpectSameBits(twin.data(), QuantizedGemv(OnGpu(x), *weight), "quantized_gemv");
      }
    }
  }
}

// A chosen expert's copy for each (token, slot) pair: a chain an output.
TEST(Products, OfPairs) {
  for (const int64_t pairs : {1, 2, 4, 8, 16, 24, 64}) {
    for (const auto& [n, k] : {std::pair{256, 256}, {256, 128}, {1536, 2048}, {2048, 768}}) {
      SCOPED_TRACE(testing::Message() << pairs << " x " << n << " x " << k);
      const at::Tensor x = Random({pairs, k}), weights = Random({pairs, n, k}, 0.1);
      const at::Tensor gpu =
          at::bmm(OnGpu(x).unsqueeze(1), OnGpu(weights).transpose(1, 2)).squeeze(1).cpu();
      for (int64_t pair = 0; pair < pairs; ++pair) {
        ExpectProduct(x.narrow(0, pair, 1), weights[pair], gpu[pair], "pair");
      }
    }
  }
}

// All experts at once: the same chains as a product an expert.
TEST(Products, GroupedExperts) {
  const int64_t tokens = 300, hidden = 256, width = 128, experts = 8, slots = 2;
  ExpertWeights weights;
  weights.gate_up = OnGpu(Random({experts, 2 * width, hidden}, 0.1));
  weights.down = OnGpu(Random({experts, hidden, width}, 0.1));
  const at::Tensor x = Random({tokens, hidden});
  const Routing routing = RouteTokensCuda(OnGpu(Random({tokens, experts}, 2)), slots, true);
  std::vector<at::Tensor> inners;
  const at::Tensor gpu = MixExpertsCuda(
      OnGpu(x), routing, weights, [&](const at::Tensor& gate_up) { return SwiGluCuda(gate_up); });
  const at::Tensor ids = routing.experts.cpu(), factors = routing.weights.cpu();
  at::Tensor outputs = Empty({tokens * slots, hidden});
  const ChainProduct product(ThisTensorCore(), InputFormat::kBfloat16);
  for (int64_t e = 0; e < experts; ++e) {
    const at::Tensor up = weights.gate_up[e].cpu().contiguous();
    const at::Tensor down = weights.down[e].cpu().contiguous();
    const PackedColumns packed_up(ThisTensorCore(), InputFormat::kBfloat16, Bits(up), 2 * width,
                                  hidden, hidden);
    const PackedColumns packed_down(ThisTensorCore(), InputFormat::kBfloat16, Bits(down), hidden,
                                    width, width);
    for (int64_t pair = 0; pair < tokens * slots; ++pair) {
      if (ids.const_data_ptr<int32_t>()[pair] != e) continue;
      std::vector<float> sums(2 * width), out(hidden);
      std::vector<uint16_t> gate_up(2 * width), inner(width);
      product.Run(Bits(x) + pair / slots * hidden, hidden, 1, packed_up, 0, 2 * width, 0, hidden,
                  sums.data(), 2 * width);
      for (int64_t i = 0; i < 2 * width; ++i) gate_up[i] = ToBfloat16(sums[i]);
      SwiGluTwin(gate_up.data(), width, 0, 1, inner.data());
      product.Run(inner.data(), width, 1, packed_down, 0, hidden, 0, width, out.data(), hidden);
      for (int64_t i = 0; i < hidden; ++i) {
        MutableBits(outputs)[pair * hidden + i] = ToBfloat16(out[i]);
      }
    }
  }
  const at::Tensor places = at::arange(tokens * slots, at::kInt);
  at::Tensor twin = Empty({tokens, hidden});
  WeightedSumTwin(Bits(outputs), places.const_data_ptr<int32_t>(), factors.const_data_ptr<float>(),
                  slots, hidden, 0, tokens, MutableBits(twin));
  ExpectSameBits(Bits(twin), gpu, "experts");
}

// ---- Eager attention
// -----------------------------------------------------------------------------

// Multiples of eight, for which cuBLAS takes the kernels that product_recipes.h knows.
class EagerParts : public testing::TestWithParam<int64_t> {
 protected:
  static constexpr int64_t kMostRows = 2048;
};

TEST_P(EagerParts, Scores) {
  const int64_t visible = GetParam(), rows = std::min<int64_t>(2 * visible, kMostRows);
  for (const int64_t dim : {32, 128}) {
    const at::Tensor queries = Random({4, rows, dim}), keys = Random({4, visible, dim});
    const at::Tensor gpu = at::bmm(OnGpu(queries), OnGpu(keys).transpose(1, 2)).cpu();
    for (int64_t pair = 0; pair < 4; ++pair) {
      ExpectProduct(queries[pair], keys[pair], gpu[pair], "scores");
    }
  }
}

TEST_P(EagerParts, Values) {
  const int64_t visible = GetParam(), rows = std::min<int64_t>(2 * visible, kMostRows);
  for (const int64_t dim : {32, 128}) {
    const at::Tensor weights = at::rand({4, rows, visible}).to(at::kBFloat16);
    const at::Tensor values = Random({4, visible, dim});
    const at::Tensor gpu = at::bmm(OnGpu(weights), OnGpu(values)).cpu();
    for (int64_t pair = 0; pair < 4; ++pair) {
      ExpectProduct(weights[pair], values[pair].t().contiguous(), gpu[pair], "values");
    }
  }
}

TEST_P(EagerParts, Softmax) {
  const int64_t visible = GetParam();
  at::Tensor scores = Random({64, visible}, 3);
  const at::Tensor gpu = at::softmax(OnGpu(scores), -1, at::kFloat).cpu();
  at::Tensor twin = scores.to(at::kFloat);
  int64_t differences = 0;
  for (int64_t row = 0; row < 64; ++row) {
    float* values = twin.mutable_data_ptr<float>() + row * visible;
    SoftmaxRowTwin(values, visible);
    for (int64_t i = 0; i < visible; ++i) {
      differences += values[i] != gpu.const_data_ptr<float>()[row * visible + i];
    }
  }
  EXPECT_EQ(differences, 0) << "of " << twin.numel();
}

INSTANTIATE_TEST_SUITE_P(Keys, EagerParts,
                         testing::Values(8, 40, 64, 128, 304, 512, 1000, 1016, 1024, 1032, 2048,
                                         2056, 3000, 6024, 9216, 9224, 12248, 12256, 16392));

// ---- Decode step
// ---------------------------------------------------------------------------------

struct StepCase {
  const char* name;
  bool big;
  bool nf4;
  int64_t position;
  int64_t layers;
  bool eager = false;
};
std::ostream& operator<<(std::ostream& out, const StepCase& c) { return out << c.name; }

// A weight of the GPU's, in 4 bits alone.
class TestWeight : public LinearWeight {
 public:
  explicit TestWeight(QuantizedMatrix matrix) : matrix_(std::move(matrix)) {}
  bool IsQuantized() const override { return true; }
  absl::StatusOr<std::shared_ptr<const uint16_t[]>> Dense() const override {
    return absl::UnimplementedError("the decode step multiplies by no dense weight");
  }
  absl::StatusOr<QuantizedMatrix> Quantized() const override { return matrix_; }

 private:
  QuantizedMatrix matrix_;
};

class DecodeSteps : public testing::TestWithParam<StepCase> {};

TEST_P(DecodeSteps, HaveTheGpusBits) {
  const StepCase& c = GetParam();
  DecodeDims dims = c.big ? Qwen3_30bDims() : MiniDims();
  dims.vocab = 4096;
  if (!DecodeStep::Supports(dims, 1)) GTEST_SKIP() << "not for this GPU";
  TestModelOptions options = Options(dims, c.nf4, c.position, c.layers);
  if (c.eager) options.attention = DecodeAttention::kEager;
  const DecodeTensors m = MakeTestModel(options);

  std::vector<at::Tensor> kept;
  const auto keep = [&kept](const at::Tensor& t) {
    kept.push_back(t.cpu().contiguous());
    return kept.back();
  };
  std::vector<std::unique_ptr<TestWeight>> matrices;
  const auto matrix = [&matrices](const QuantizedWeight& weight, int64_t index) {
    matrices.push_back(std::make_unique<TestWeight>(MatrixOf(weight, index)));
    return matrices.back().get();
  };
  EmulatedDecodeModel model = {ThisTensorCore(),
                               c.eager ? EmulatedAttention::kEager : EmulatedAttention::kFlash,
                               {dims.hidden, dims.heads, dims.kv_heads, dims.head_dim, dims.experts,
                                dims.slots, dims.width, dims.vocab},
                               m.eps,
                               m.normalise,
                               {},
                               Bits(keep(m.final_norm)),
                               Bits(keep(m.lm_head)),
                               keep(m.cos).const_data_ptr<float>(),
                               keep(m.sin).const_data_ptr<float>(),
                               options.capacity};
  for (const DecodeLayerTensors& layer : m.layers) {
    EmulatedDecodeLayer twin = {};
    twin.input_norm = Bits(keep(layer.input_norm));
    twin.qkv = matrix(layer.qkv, 0);
    twin.query_norm = Bits(keep(layer.query_norm));
    twin.key_norm = Bits(keep(layer.key_norm));
    twin.o_proj = matrix(layer.o_proj, 0);
    twin.post_attention_norm = Bits(keep(layer.post_attention_norm));
    twin.router = Bits(keep(layer.router));
    for (int64_t e = 0; e < dims.experts; ++e) {
      twin.gate_up.push_back(matrix(layer.gate_up, e));
      twin.down.push_back(matrix(layer.down, e));
    }
    at::Tensor keys = keep(layer.keys), values = keep(layer.values);
    twin.keys = MutableBits(keys);
    twin.values = MutableBits(values);
    model.layers.push_back(twin);
  }
  const at::Tensor embedding = m.embedding.index_select(0, m.token_ids).cpu().contiguous();

  const DecodeStep step(m);
  step.Launch();
  const auto twin_step = DecodeStepTwin(model, Bits(embedding), options.position, 0, Alone);
  ASSERT_TRUE(twin_step.ok()) << twin_step.status();
  const EmulatedStep& emulated = *twin_step;
  for (size_t i = 0; i < m.layers.size(); ++i) {
    ExpectSameBits(emulated.hidden_states[i].data(), m.layers[i].hidden_states, "hidden_states");
    std::vector<uint16_t> keys;
    for (int64_t kv = 0; kv < dims.kv_heads; ++kv) {
      const uint16_t* key =
          model.layers[i].keys + (kv * options.capacity + options.position) * dims.head_dim;
      keys.insert(keys.end(), key, key + dims.head_dim);
    }
    ExpectSameBits(keys.data(), m.layers[i].keys.select(2, options.position), "keys");
  }
  ExpectSameBits(emulated.logits.data(), m.logits, "logits");
}

INSTANTIATE_TEST_SUITE_P(
    Models, DecodeSteps,
    testing::Values(StepCase{"first", false, false, 0, 1}, StepCase{"mini", false, false, 500, 1},
                    StepCase{"end_of_block", false, false, 191, 1},
                    StepCase{"three_layers", false, false, 1017, 3},
                    StepCase{"many_blocks", false, false, 3999, 1},
                    StepCase{"eager", false, false, 1017, 3, true},
                    StepCase{"eager_many_blocks", false, false, 3999, 1, true},
                    StepCase{"big_eager", true, false, 1999, 1, true},
                    StepCase{"nf4", false, true, 700, 2}, StepCase{"big", true, false, 1999, 1},
                    StepCase{"big_nf4", true, true, 900, 1}),
    [](const testing::TestParamInfo<StepCase>& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace forensics::runner
