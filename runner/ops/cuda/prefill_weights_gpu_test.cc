// Published 4-bit modules to tiles and back: bit for bit what the CPU's decoders make of them.
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>

#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/nf4.h"
#include "runner/checkpoint/testing/random_tensors.h"
#include "runner/ops/cuda/dequantize.h"
#include "runner/ops/cuda/gpu_test_tensors.h"
#include "runner/ops/cuda/repack.h"

namespace forensics::runner {
namespace {

at::Tensor RandomIntegers(std::vector<int64_t> shape, int64_t below, at::ScalarType dtype,
                          int64_t seed) {
  at::Tensor integers = at::empty(shape, at::kInt);
  std::mt19937_64 engine(static_cast<uint64_t>(seed));
  int32_t* values = integers.mutable_data_ptr<int32_t>();
  for (int64_t i = 0; i < integers.numel(); ++i) {
    values[i] = static_cast<int32_t>(engine() % static_cast<uint64_t>(below));
  }
  return integers.to(dtype);
}

// A module of one format: as published, its weight by the CPU, and itself on the GPU.
class Module {
 public:
  virtual ~Module() = default;
  virtual at::Tensor Decode(at::ScalarType dtype) const = 0;
  virtual absl::Status Fits(const WeightPart& part) const = 0;
  virtual void Repack(const WeightPart& part, const TileRows& to) const = 0;
  virtual QuantizedWeight Empty(int64_t count, int64_t rows, int64_t columns) const {
    return EmptyInt4Weight(count, rows, columns, at::kCUDA);
  }
};

at::Tensor RandomScales(int64_t groups, int64_t out, int64_t seed) {
  return (Noise({groups, out}, seed) * 0.01).to(at::kHalf);
}

class AwqModule : public Module {
 public:
  AwqModule(int64_t out, int64_t in, int64_t group, int64_t seed) {
    const AwqTensors packed = PackAwq(RandomIntegers({out, in}, 16, at::kInt, seed),
                                      RandomIntegers({out, in / group}, 16, at::kInt, seed + 1));
    qweight_ = packed.qweight;
    qzeros_ = packed.qzeros;
    scales_ = RandomScales(in / group, out, seed + 2);
  }
  at::Tensor Decode(at::ScalarType dtype) const override {
    return *DecodeAwq(qweight_, qzeros_, scales_, dtype);
  }
  absl::Status Fits(const WeightPart& part) const override {
    return AwqFitsTiles(qweight_, qzeros_, scales_, part);
  }
  void Repack(const WeightPart& part, const TileRows& to) const override {
    RepackAwq(OnGpu(qweight_), OnGpu(qzeros_), OnGpu(scales_), part, to);
  }

 private:
  at::Tensor qweight_, qzeros_, scales_;
};

class GptqModule : public Module {
 public:
  GptqModule(int64_t out, int64_t in, int64_t group, int zero_offset, int64_t seed)
      : zero_offset_(zero_offset) {
    const PackedGptq packed = PackGptq(RandomIntegers({out, in}, 16, at::kInt, seed),
                                       RandomIntegers({out, in / group}, 16, at::kInt, seed + 1));
    at::Tensor g_idx = at::empty({in}, at::kInt);
    for (int64_t i = 0; i < in; ++i) {
      g_idx.mutable_data_ptr<int32_t>()[i] = static_cast<int32_t>(i / group);
    }
    tensors_ = {packed.qweight, packed.qzeros, RandomScales(in / group, out, seed + 2), g_idx};
  }
  at::Tensor Decode(at::ScalarType dtype) const override {
    return *DecodeGptq(tensors_, zero_offset_, dtype);
  }
  absl::Status Fits(const WeightPart& part) const override { return GptqFitsTiles(tensors_, part); }
  void Repack(const WeightPart& part, const TileRows& to) const override {
    RepackGptq({OnGpu(tensors_.qweight), OnGpu(tensors_.qzeros), OnGpu(tensors_.scales), {}},
               zero_offset_, part, to);
  }

 private:
  int zero_offset_;
  GptqTensors tensors_;
};

class Nf4Module : public Module {
 public:
  Nf4Module(int64_t out, int64_t in, int64_t block, bool nested, int64_t seed)
      : layout_{out, in, block, std::nullopt} {
    if (nested) layout_.nested = Nf4Layout::Nested{256, 0.0125f};
    tensors_.weight = RandomIntegers({layout_.bytes(), 1}, 256, at::kByte, seed);
    tensors_.quant_map = Nf4Map();
    if (nested) {
      tensors_.absmax = RandomIntegers({layout_.blocks()}, 256, at::kByte, seed + 1);
      tensors_.nested_absmax = Noise({layout_.nested_blocks()}, seed + 2) * 0.01;
      tensors_.nested_quant_map = Noise({kNf4NestedLevels}, seed + 3);
    } else {
      tensors_.absmax = Noise({layout_.blocks()}, seed + 1).abs() * 0.02;
    }
  }
  at::Tensor Decode(at::ScalarType dtype) const override {
    return *DecodeNf4(tensors_, layout_, dtype);
  }
  absl::Status Fits(const WeightPart& part) const override {
    return Nf4FitsTiles(tensors_, layout_, {}, part);
  }
  void Repack(const WeightPart& part, const TileRows& to) const override {
    Nf4Tensors on_gpu = {
        OnGpu(tensors_.weight), OnGpu(tensors_.absmax), OnGpu(tensors_.quant_map), {}, {}};
    if (layout_.nested.has_value()) {
      on_gpu.nested_absmax = OnGpu(tensors_.nested_absmax);
      on_gpu.nested_quant_map = OnGpu(tensors_.nested_quant_map);
    }
    RepackNf4(on_gpu, layout_, part, to);
  }
  QuantizedWeight Empty(int64_t count, int64_t rows, int64_t columns) const override {
    return EmptyNf4Weight(count, rows, columns, at::kCUDA);
  }

 private:
  Nf4Layout layout_;
  Nf4Tensors tensors_;
};

struct Format {
  const char* name;
  std::unique_ptr<Module> (*make)(int64_t out, int64_t in, int64_t seed);
};

const Format kFormats[] = {
    {"awq",
     [](int64_t out, int64_t in, int64_t seed) -> std::unique_ptr<Module> {
       return std::make_unique<AwqModule>(out, in, 128, seed);
     }},
    {"awq_one_group",
     [](int64_t out, int64_t in, int64_t seed) -> std::unique_ptr<Module> {
       return std::make_unique<AwqModule>(out, in, in, seed);
     }},
    {"gptq_v1",
     [](int64_t out, int64_t in, int64_t seed) -> std::unique_ptr<Module> {
       return std::make_unique<GptqModule>(out, in, 128, 1, seed);
     }},
    {"gptq_v2",
     [](int64_t out, int64_t in, int64_t seed) -> std::unique_ptr<Module> {
       return std::make_unique<GptqModule>(out, in, 128, 0, seed);
     }},
    {"nf4",
     [](int64_t out, int64_t in, int64_t seed) -> std::unique_ptr<Module> {
       return std::make_unique<Nf4Module>(out, in, 64, false, seed);
     }},
    {"nf4_nested",
     [](int64_t out, int64_t in, int64_t seed) -> std::unique_ptr<Module> {
       return std::make_unique<Nf4Module>(out, in, 64, true, seed);
     }},
    {"nf4_wide_blocks",
     [](int64_t out, int64_t in, int64_t seed) -> std::unique_ptr<Module> {
       return std::make_unique<Nf4Module>(out, in, 128, true, seed);
     }},
};

at::Tensor DequantizePoisoned(const QuantizedWeight& weight, at::ScalarType dtype) {
  DequantizeScratch scratch;
  return Repeated([&] {
    scratch.Take({weight.count, weight.rows, weight.columns}, dtype, at::kCUDA)
        .view(at::kByte)
        .fill_(255);
    return Dequantize(weight, dtype, scratch);
  });
}

class WeightsGpuTest : public testing::TestWithParam<std::tuple<Format, at::ScalarType>> {
 protected:
  const Format& format() const { return std::get<0>(GetParam()); }
  at::ScalarType dtype() const { return std::get<1>(GetParam()); }
};

TEST_P(WeightsGpuTest, RepackAndDequantizeIsDecoding) {
  for (const auto& [out, in] : {std::pair{16, 128}, {48, 384}, {144, 256}, {2064, 640}}) {
    SCOPED_TRACE(testing::Message() << out << " x " << in);
    const auto module = format().make(out, in, 1);
    const WeightPart whole = {0, out, 0, in};
    ASSERT_TRUE(module->Fits(whole).ok()) << module->Fits(whole);
    QuantizedWeight weight = module->Empty(1, out, in);
    module->Repack(whole, {weight, 0, 0});
    EXPECT_TRUE(at::equal(DequantizePoisoned(weight, dtype()), module->Decode(dtype())));
  }
}

// As the gates and ups of two experts, and as a rank's share of rows and columns.
TEST_P(WeightsGpuTest, ModulesBecomeRowsOfAStack) {
  const auto a = format().make(48, 256, 1), b = format().make(16, 256, 2);
  QuantizedWeight stack = a->Empty(2, 64, 256);
  for (int64_t index : {1, 0}) {
    a->Repack({0, 48, 0, 256}, {stack, index, index == 0 ? 0 : 16});
    b->Repack({0, 16, 0, 256}, {stack, index, index == 0 ? 48 : 0});
  }
  const at::Tensor dense = DequantizePoisoned(stack, dtype());
  const at::Tensor wa = a->Decode(dtype()), wb = b->Decode(dtype());
  EXPECT_TRUE(at::equal(dense[0], at::cat({wa, wb})));
  EXPECT_TRUE(at::equal(dense[1], at::cat({wb, wa})));
}

TEST_P(WeightsGpuTest, APartOfRowsOrColumns) {
  const auto module = format().make(160, 512, 3);
  for (const WeightPart& part :
       {WeightPart{32, 64, 0, 512}, {8, 16, 0, 512}, {0, 160, 128, 256}, {48, 32, 384, 128}}) {
    SCOPED_TRACE(testing::Message() << part.first_row << " " << part.first_column);
    ASSERT_TRUE(module->Fits(part).ok()) << module->Fits(part);
    QuantizedWeight weight = module->Empty(1, part.rows, part.columns);
    module->Repack(part, {weight, 0, 0});
    const at::Tensor expected = module->Decode(dtype())
                                    .narrow(0, part.first_row, part.rows)
                                    .narrow(1, part.first_column, part.columns);
    EXPECT_TRUE(at::equal(DequantizePoisoned(weight, dtype()), expected));
  }
}

TEST_P(WeightsGpuTest, Linear) {
  const auto module = format().make(96, 256, 4);
  QuantizedWeight weight = module->Empty(1, 96, 256);
  module->Repack({0, 96, 0, 256}, {weight, 0, 0});
  DequantizeScratch scratch;
  const at::Tensor bias = Noise({96}, 5).to(dtype());
  for (const int64_t rows : {1, 8, 9, 200}) {
    const at::Tensor x = Noise({rows, 256}, 6).to(dtype());
    for (const bool has_bias : {false, true}) {
      const at::Tensor found = Repeated([&, gpu_x = OnGpu(x)] {
        return QuantizedLinear(gpu_x, weight, has_bias ? OnGpu(bias) : at::Tensor(), scratch);
      });
      const at::Tensor exact =
          at::linear(x.to(at::kDouble), module->Decode(dtype()).to(at::kDouble),
                     has_bias ? bias.to(at::kDouble) : at::Tensor());
      ExpectRelativeL2(found, exact, Epsilon(dtype()) * 2, Epsilon(dtype()) / 100);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, WeightsGpuTest,
                         testing::Combine(testing::ValuesIn(kFormats),
                                          testing::Values(at::kFloat, at::kBFloat16)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param).name) + "_" +
                                  c10::toString(std::get<1>(info.param));
                         });

}  // namespace
}  // namespace forensics::runner
