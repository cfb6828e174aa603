#include "runner/ops/cuda/tile_fit.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace forensics::runner {
namespace {

using testing::HasSubstr;

constexpr WeightPart kPart = {0, 32, 0, 256};

std::string Message(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  return std::string(status.message());
}

absl::Status Awq(int64_t groups, const at::Tensor& scales, const WeightPart& part) {
  return AwqFitsTiles(at::zeros({256, 4}, at::kInt), at::zeros({groups, 4}, at::kInt), scales,
                      part);
}

TEST(TileFitTest, WhatAConfigTells) {
  QuantConfig quant;
  EXPECT_FALSE(MayFitTiles(quant)) << "not quantised";
  for (const QuantMethod method : {QuantMethod::kAwq, QuantMethod::kGptq}) {
    quant.method = method;
    for (const auto& [group_size, may_fit] :
         {std::pair{-1, true}, {128, true}, {256, true}, {64, false}, {32, false}}) {
      quant.group_size = group_size;
      EXPECT_EQ(MayFitTiles(quant), may_fit) << group_size;
    }
  }
  quant.method = QuantMethod::kBnbNf4;
  quant.group_size = 64;
  EXPECT_TRUE(MayFitTiles(quant));
}

TEST(TileFitTest, Awq) {
  const at::Tensor half = at::full({2, 32}, 0.1).to(at::kHalf);
  EXPECT_TRUE(Awq(2, half, kPart).ok());
  EXPECT_TRUE(Awq(1, half, kPart).ok()) << "one group of all inputs";
  EXPECT_TRUE(Awq(2, half, {8, 16, 128, 128}).ok());
  EXPECT_THAT(Message(Awq(4, half, kPart)), HasSubstr("256 inputs in 4 groups"));
  EXPECT_THAT(Message(Awq(2, half, {4, 16, 0, 256})), HasSubstr("first row"));
  EXPECT_THAT(Message(Awq(2, half, {0, 24, 0, 256})), HasSubstr("found 24 and 256"));
  EXPECT_THAT(Message(Awq(2, half, {0, 32, 64, 128})), HasSubstr("first column"));
}

TEST(TileFitTest, ScalesMustBeExactInFloat16) {
  EXPECT_TRUE(Awq(2, at::full({2, 32}, 0.125).to(at::kBFloat16), kPart).ok());
  EXPECT_TRUE(Awq(2, at::full({2, 32}, 0.125).to(at::kFloat), kPart).ok());
  EXPECT_THAT(Message(Awq(2, at::full({2, 32}, 1e-9).to(at::kBFloat16), kPart)),
              HasSubstr("BFloat16 scale is not exact in float16"));
  EXPECT_THAT(Message(Awq(2, at::full({2, 32}, 0.1).to(at::kFloat), kPart)), HasSubstr("Float"));
}

TEST(TileFitTest, GptqGroupsMustBeInOrder) {
  GptqTensors tensors = {at::zeros({32, 32}, at::kInt), at::zeros({2, 4}, at::kInt),
                         at::zeros({2, 32}, at::kHalf),
                         at::arange(256, at::kInt).bitwise_right_shift(7)};
  EXPECT_TRUE(GptqFitsTiles(tensors, kPart).ok());
  tensors.g_idx[3] = 1;
  EXPECT_THAT(Message(GptqFitsTiles(tensors, kPart)), HasSubstr("g_idx"));
}

TEST(TileFitTest, Nf4) {
  Nf4Tensors tensors;
  tensors.quant_map = at::arange(16, at::kFloat);
  EXPECT_TRUE(Nf4FitsTiles(tensors, {32, 256, 64, {}}, tensors.quant_map, kPart).ok());
  EXPECT_TRUE(Nf4FitsTiles(tensors, {32, 256, 128, {}}, {}, kPart).ok());
  EXPECT_THAT(Message(Nf4FitsTiles(tensors, {32, 256, 32, {}}, {}, kPart)), HasSubstr("found 32"));
  EXPECT_THAT(Message(Nf4FitsTiles(tensors, {32, 288, 64, {}}, {}, kPart)), HasSubstr("and 288"));
  EXPECT_THAT(Message(Nf4FitsTiles(tensors, {32, 256, 64, {}}, at::zeros({16}, at::kFloat), kPart)),
              HasSubstr("quant_map"));
}

}  // namespace
}  // namespace forensics::runner
