#include "runner/model/checkpoint_linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "runner/checkpoint/safetensors.h"

namespace forensics::runner {
namespace {

constexpr char kExpert[] = "model.layers.3.mlp.experts.5.";

std::vector<std::string> GateAndUp() {
  return {std::string(kExpert) + "gate_proj", std::string(kExpert) + "up_proj"};
}

at::Tensor AsTensor(const uint16_t* patterns, int64_t rows, int64_t columns) {
  return at::from_blob(const_cast<uint16_t*>(patterns), {rows, columns}, at::kBFloat16);
}

class CheckpointLinearTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    auto opened = Checkpoint::Open(std::string("testdata/mini_qwen3_moe/") + GetParam());
    ASSERT_TRUE(opened.ok()) << opened.status();
    checkpoint_ = *std::move(opened);
  }

  // The modules one below the other, as the checkpoint decodes them.
  at::Tensor Decoded(const std::vector<std::string>& modules, at::ScalarType dtype) const {
    std::vector<at::Tensor> parts;
    for (const std::string& module : modules) {
      parts.push_back(checkpoint_->LinearWeight(module, dtype).value());
    }
    return at::cat(parts);
  }

  std::unique_ptr<Checkpoint> checkpoint_;
};

TEST_P(CheckpointLinearTest, IsDenseAsTheCheckpointDecodesIt) {
  const auto linear = CheckpointLinear::Create(*checkpoint_, GateAndUp());
  ASSERT_TRUE(linear.ok()) << linear.status();
  const auto dense = linear->Dense();
  ASSERT_TRUE(dense.ok()) << dense.status();
  EXPECT_TRUE(at::equal(AsTensor(dense->get(), 256, 256), Decoded(GateAndUp(), at::kBFloat16)));
}

// AWQ and GPTQ: exactly. NF4's levels are rounded to bfloat16, here as on the GPU.
TEST_P(CheckpointLinearTest, NumbersTimesScalesAreTheWeight) {
  const auto linear = CheckpointLinear::Create(*checkpoint_, GateAndUp());
  ASSERT_TRUE(linear.ok()) << linear.status();
  ASSERT_TRUE(linear->IsQuantized());
  const auto matrix = linear->Quantized();
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  ASSERT_EQ(matrix->rows, 256);
  ASSERT_EQ(matrix->columns, 256);
  const bool is_nf4 = std::string(GetParam()) == "bnb_nf4";
  ASSERT_EQ(matrix->format, is_nf4 ? QuantizedFormat::kNf4 : QuantizedFormat::kInteger);
  const int64_t groups = is_nf4 ? 256 / 64 : 256 / 128;
  const at::Tensor scales =
      at::from_blob(const_cast<float*>(matrix->scales.data()), {256, groups}, at::kFloat);
  const at::Tensor product = AsTensor(matrix->values.get(), 256, 256).to(at::kFloat) *
                             scales.repeat_interleave(256 / groups, 1);
  const at::Tensor weight = Decoded(GateAndUp(), at::kFloat);
  if (is_nf4) {
    EXPECT_LT((product - weight).abs().max().item<float>(), weight.abs().max().item<float>() / 256);
  } else {
    EXPECT_TRUE(at::equal(product, weight));
  }
}

TEST_P(CheckpointLinearTest, WhatIsStoredUnquantisedIsDenseAlone) {
  const auto head = CheckpointLinear::Create(*checkpoint_, {"lm_head"});
  ASSERT_TRUE(head.ok()) << head.status();
  EXPECT_FALSE(head->IsQuantized());
  EXPECT_TRUE(head->Dense().ok());
}

TEST_P(CheckpointLinearTest, NamesAModuleThatIsNotThere) {
  const auto linear = CheckpointLinear::Create(*checkpoint_, {"model.layers.99.self_attn.q_proj"});
  ASSERT_TRUE(linear.ok()) << "nothing is read before it is asked for: " << linear.status();
  EXPECT_NE(linear->Dense().status().ToString().find("model.layers.99.self_attn.q_proj"),
            std::string::npos);
}

// A copy of a checkpoint, some bytes of whose tensors are others.
class AlteredCheckpoint : public testing::Test {
 protected:
  void CopyOf(const std::string& format) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    for (const char* name : {"config.json", "model.safetensors"}) {
      std::ofstream(absl::StrCat(directory_, "/", name), std::ios::binary)
          << std::ifstream(absl::StrCat("testdata/mini_qwen3_moe/", format, "/", name),
                           std::ios::binary)
                 .rdbuf();
    }
  }

  // Sets element `index` of a tensor.
  template <typename T>
  void Set(const std::string& tensor, int64_t index, T value) {
    const std::string path = directory_ + "/model.safetensors";
    const int64_t begin = SafetensorsFile::Open(path)->tensors().at(tensor).begin;
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(begin + index * static_cast<int64_t>(sizeof(T)));
    file.write(reinterpret_cast<const char*>(&value), sizeof(T));
  }

  const std::string directory_ = testing::TempDir() + "/altered";
};

TEST_F(AlteredCheckpoint, DamageIsFoundBeforeTheModuleIsAskedFor) {
  CopyOf("gptq");
  const std::string module = "model.layers.3.mlp.experts.7.down_proj";
  Set<int32_t>(module + ".g_idx", 5, 9999);
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_THAT(
      std::string(CheckpointLinear::Create(**checkpoint, {module}).status().message()),
      testing::HasSubstr(module + ": gptq: g_idx[5]: expected a group from 0 to 0, found 9999"));
  // Behind one that is not quantised, too.
  EXPECT_FALSE(CheckpointLinear::Create(**checkpoint, {"lm_head", module}).ok());
}

TEST_F(AlteredCheckpoint, AStackOfDifferentLevelsIsDense) {
  CopyOf("bnb_nf4");
  const auto parts = [](int expert) {
    const std::string prefix = absl::StrCat("model.layers.3.mlp.experts.", expert, ".");
    return std::vector<std::string>{prefix + "gate_proj", prefix + "up_proj"};
  };
  Set<float>(parts(1)[1] + ".weight.quant_map", 3, -0.4F);
  const auto checkpoint = Checkpoint::Open(directory_);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_FALSE(CheckpointLinear::Create(**checkpoint, parts(1))->IsQuantized());
  const struct {
    std::vector<std::vector<std::string>> stack;
    bool is_quantized;
  } cases[] = {{{parts(0), parts(1), parts(2)}, false},
               {{{parts(0)[1]}, {parts(1)[1]}}, false},
               {{{parts(1)[1]}}, true},
               {{parts(0), parts(2)}, true}};
  for (const auto& c : cases) {
    const auto stack = CheckpointLinear::CreateStack(**checkpoint, c.stack);
    ASSERT_TRUE(stack.ok()) << stack.status();
    ASSERT_EQ(stack->size(), c.stack.size());
    for (const CheckpointLinear& linear : *stack) {
      EXPECT_EQ(linear.IsQuantized(), c.is_quantized);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, CheckpointLinearTest, testing::Values("awq", "gptq", "bnb_nf4"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace forensics::runner
