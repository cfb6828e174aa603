// Where the time of a prefill goes: each operation of a layer of Qwen3-30B-A3B at 6144 tokens, in
// bfloat16, on a real GPU. Prints microseconds and what bounds them: bytes read and written a
// second beside those of a copy, or floating-point operations a second.
//
//   bazel build //runner/ops/cuda:prefill_ops_benchmark.stripped
#include <ATen/ops/_grouped_mm.h>
#include <ATen/ops/_scaled_dot_product_cudnn_attention.h>
#include <ATen/ops/_scaled_dot_product_flash_attention.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include <cstdio>
#include <iostream>

#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"
#include "runner/ops/cuda/dequantize.h"
#include "runner/ops/cuda/expert_groups.h"
#include "runner/ops/cuda/fused_kernels.h"
#include "runner/ops/cuda/gpu_timer.h"
#include "runner/ops/cuda/grouped_experts.h"
#include "runner/ops/cuda/repack.h"

namespace forensics::runner {
namespace {

constexpr int64_t kTokens = 6144, kHidden = 2048, kHeads = 32, kKvHeads = 4, kDim = 128;
constexpr int64_t kExperts = 128, kSlots = 8, kWidth = 768, kPairs = kTokens * kSlots;
constexpr int kSets = 4;  // inputs take turns, so that they do not stay in the L2 cache

at::TensorOptions OnGpu(at::ScalarType dtype) { return at::TensorOptions(at::kCUDA).dtype(dtype); }

at::Tensor Random(at::IntArrayRef shape, double scale = 1) {
  return at::randn(shape, OnGpu(at::kBFloat16)).mul_(scale);
}

template <typename F>
void PrintBytes(const char* name, double bytes, const F& f) {
  const double seconds = GpuSeconds(20, f);
  std::printf("%-34s %9.1f us %7.0f GB/s\n", name, seconds * 1e6, bytes / seconds * 1e-9);
}

template <typename F>
void PrintOperations(const char* name, double operations, const F& f) {
  const double seconds = GpuSeconds(10, f);
  std::printf("%-34s %9.1f us %7.0f TFLOP/s\n", name, seconds * 1e6, operations / seconds * 1e-12);
}

// Any nibbles are a weight.
QuantizedWeight RandomWeight(int64_t count, int64_t rows, int64_t columns, bool nf4) {
  QuantizedWeight weight = nf4 ? EmptyNf4Weight(count, rows, columns, at::kCUDA)
                               : EmptyInt4Weight(count, rows, columns, at::kCUDA);
  weight.tiles.random_(-2147483648LL, 2147483647LL);
  if (nf4) {
    weight.scales.uniform_(0.01, 0.03);
    weight.levels.uniform_(-1, 1);
  } else {
    weight.scales.random_(0x1c00, 0x2000).add_(8 << 16);  // 0.004 to 0.008, zero point 8
  }
  return weight;
}

void MeasureElementwise() {
  const at::Tensor x = Random({kSets, kTokens, kHidden}), weight = Random({kHidden});
  at::Tensor residual = Random({kSets, kTokens, kHidden});
  const double row_bytes = kTokens * kHidden * 2.0;
  const at::Tensor large = at::empty({2, int64_t{1} << 30}, OnGpu(at::kByte)).fill_(1);
  PrintBytes("copy of 1 GiB", 2.0 * (int64_t{1} << 30), [&](int) { large[0].copy_(large[1]); });
  PrintBytes("copy of [6144, 2048]", 2 * row_bytes,
             [&](int i) { residual[i % kSets].copy_(x[i % kSets]); });
  PrintBytes("RmsNorm", 2 * row_bytes, [&](int i) { RmsNormCuda(x[i % kSets], weight, 1e-6); });
  PrintBytes("AddRmsNorm", 4 * row_bytes, [&](int i) {
    at::Tensor sum = residual[i % kSets];
    AddRmsNormCuda(sum, x[i % kSets], weight, 1e-6);
  });
  const at::Tensor qkv = Random({kSets, kTokens, (kHeads + 2 * kKvHeads) * kDim});
  const at::Tensor cache = Random({kSets, 2, 1, kKvHeads, kTokens + 64, kDim});
  const HeadNorms norms = {Random({kDim}), Random({kDim}), 1e-6};
  const at::Tensor angles = at::randn({kTokens, kDim / 2}, OnGpu(at::kFloat));
  const RotaryTable table = {angles.cos(), angles.sin()};
  PrintBytes("SplitHeads", 2.0 * qkv[0].nbytes() + 2.0 * angles.nbytes(), [&](int i) {
    at::Tensor keys = cache[i % kSets][0].narrow(2, 0, kTokens);
    at::Tensor values = cache[i % kSets][1].narrow(2, 0, kTokens);
    SplitHeadsCuda(qkv[i % kSets], norms, table, keys, values);
  });
}

void MeasureRouting() {
  const at::Tensor logits = Random({kTokens, kExperts});
  PrintBytes("RouteTokens", kTokens * (kExperts * 2.0 + kSlots * 8.0),
             [&](int) { RouteTokensCuda(logits, kSlots, true); });
  const Routing routing = RouteTokensCuda(logits, kSlots, true);
  PrintBytes("GroupByExpert", kPairs * 8.0,
             [&](int) { GroupByExpertCuda(routing.experts, 0, kExperts); });
  const ExpertGroups groups = GroupByExpertCuda(routing.experts, 0, kExperts);
  const at::Tensor x = Random({kTokens, kHidden}), y = Random({kPairs, kHidden});
  const double bytes = (kTokens + kPairs) * kHidden * 2.0;
  PrintBytes("ScatterRows", bytes, [&](int) { ScatterRowsCuda(x, groups.place_of); });
  PrintBytes("WeightedSum", bytes,
             [&](int) { WeightedSumCuda(y, groups.place_of, routing.weights); });
  const at::Tensor gate_up = Random({kPairs, 2 * kWidth});
  PrintBytes("SwiGlu [49152, 1536]", kPairs * kWidth * 6.0, [&](int) { SwiGluCuda(gate_up); });
}

void MeasureWeights() {
  DequantizeScratch scratch;
  for (const bool nf4 : {false, true}) {
    const QuantizedWeight gate_up = RandomWeight(kExperts, 2 * kWidth, kHidden, nf4);
    const double bytes =
        gate_up.tiles.nbytes() + gate_up.scales.nbytes() + 2.0 * kExperts * 2 * kWidth * kHidden;
    PrintBytes(nf4 ? "Dequantize NF4 [128, 1536, 2048]" : "Dequantize [128, 1536, 2048]", bytes,
               [&](int) { Dequantize(gate_up, at::kBFloat16, scratch); });
  }
  QuantizedWeight to = EmptyInt4Weight(kExperts, 2 * kWidth, kHidden, at::kCUDA);
  const at::Tensor qweight =
      at::randint(-2147483648LL, 2147483647LL, {kHidden, kWidth / 8}, OnGpu(at::kInt));
  const at::Tensor scales = Random({kHidden / 128, kWidth}).to(at::kHalf);
  const at::Tensor qzeros = qweight.narrow(0, 0, kHidden / 128).clone();
  const WeightPart part = {0, kWidth, 0, kHidden};
  PrintBytes("RepackAwq [768, 2048]", 2.0 * qweight.nbytes(), [&](int i) {
    RepackAwq(qweight, qzeros, scales, part, {to, i % kExperts, 0});
  });
}

void MeasureProducts() {
  DequantizeScratch scratch;
  const at::Tensor x = Random({kTokens, kHidden});
  for (const auto& [name, rows, columns] :
       {std::tuple{"linear qkv, dequantised", (kHeads + 2 * kKvHeads) * kDim, kHidden},
        {"linear o_proj, dequantised", kHidden, kHeads * kDim}}) {
    const QuantizedWeight weight = RandomWeight(1, rows, columns, false);
    const at::Tensor in = Random({kTokens, columns});
    PrintOperations(name, 2.0 * kTokens * rows * columns,
                    [&](int) { QuantizedLinear(in, weight, {}, scratch); });
  }
  const QuantizedExperts experts = {RandomWeight(kExperts, 2 * kWidth, kHidden, false),
                                    RandomWeight(kExperts, kHidden, kWidth, false)};
  const Routing routing = RouteTokensCuda(Random({kTokens, kExperts}), kSlots, true);
  const ExpertWeights dense = {Random({kExperts, 2 * kWidth, kHidden}, 0.02),
                               Random({kExperts, kHidden, kWidth}, 0.02)};
  const double operations = 2.0 * kPairs * kHidden * 3 * kWidth;
  const at::Tensor ends = GroupByExpertCuda(routing.experts, 0, kExperts).ends;
  const at::Tensor rows = Random({kPairs, kHidden}), inner = Random({kPairs, kWidth});
  PrintOperations("_grouped_mm gate_up", operations * 2 / 3,
                  [&](int) { at::_grouped_mm(rows, dense.gate_up.transpose(-2, -1), ends); });
  PrintOperations("_grouped_mm down", operations / 3,
                  [&](int) { at::_grouped_mm(inner, dense.down.transpose(-2, -1), ends); });
  PrintOperations("MixExperts, dense", operations,
                  [&](int) { MixExpertsCuda(x, routing, dense, SwiGluCuda); });
  PrintOperations("MixExperts, tiles", operations,
                  [&](int) { MixExpertsCuda(x, routing, experts, scratch, SwiGluCuda); });
  const at::Tensor token = x.narrow(0, 0, 1);
  const Routing one = {routing.experts.narrow(0, 0, 1), routing.weights.narrow(0, 0, 1)};
  PrintBytes("MixExperts, tiles, 1 token", kSlots * 3.0 * kWidth * kHidden / 2,
             [&](int) { MixExpertsCuda(token, one, experts, scratch, SwiGluCuda); });
}

void MeasureAttention() {
  const at::Tensor queries = Random({1, kHeads, kTokens, kDim});
  const at::Tensor keys = Random({1, kKvHeads, kTokens, kDim});
  const at::Tensor values = Random({1, kKvHeads, kTokens, kDim});
  const double operations = 2.0 * kTokens * kTokens * kDim * kHeads;  // half of the square
  PrintOperations("flash attention", operations, [&](int) {
    at::_scaled_dot_product_flash_attention(queries, keys, values, 0.0, true, false);
  });
  PrintOperations("cudnn attention", operations, [&](int) {
    at::_scaled_dot_product_cudnn_attention(queries, keys, values, std::nullopt, false, 0.0, true,
                                            false);
  });
}

int Run() {
  const auto gpu = StartCuda(0, LibtorchCudaVersion());
  if (!gpu.ok()) {
    std::cerr << gpu.status().message() << "\n";
    return 1;
  }
  std::cout << gpu->name << "\n";
  const c10::InferenceMode inference;
  MeasureElementwise();
  MeasureRouting();
  MeasureWeights();
  MeasureProducts();
  MeasureAttention();
  return 0;
}

}  // namespace
}  // namespace forensics::runner

int main() { return forensics::runner::Run(); }
