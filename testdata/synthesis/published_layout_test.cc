// Synthetic files against files of AutoAWQ, GPTQModel and bitsandbytes with the same config: the
// mini model's.
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/checkpoint/nf4.h"
#include "runner/checkpoint/safetensors.h"
#include "runner/checkpoint/tensor_registry.h"
#include "testdata/synthesis/synthesize.h"

namespace forensics::synthesis {
namespace {

struct Format {
  const char* quant;
  const char* folder;
};

std::string Folder(const Format& format) {
  return absl::StrCat("testdata/mini_qwen3_moe/", format.folder);
}

// The tensors in the order of their bytes: "name dtype [shape]". A layout of NF4 is JSON, as long
// as its numbers' texts.
std::string Describe(absl::string_view name, absl::string_view dtype,
                     const std::vector<int64_t>& shape) {
  const bool json = absl::EndsWith(name, runner::kNf4LayoutSuffix);
  return absl::StrCat(name, " ", dtype, " [", json ? "any" : absl::StrJoin(shape, ", "), "]");
}

std::vector<std::string> Describe(const runner::StoredTensors& tensors) {
  std::vector<std::pair<int64_t, std::string>> described;
  for (const auto& [name, tensor] : tensors) {
    described.emplace_back(tensor.begin, Describe(name, tensor.dtype->name, tensor.shape));
  }
  std::sort(described.begin(), described.end());
  std::vector<std::string> lines;
  for (auto& [begin, line] : described) lines.push_back(std::move(line));
  return lines;
}

std::vector<std::string> Describe(const Shard& shard) {
  std::vector<std::string> lines;
  for (const auto& [tensor, offset] : shard.tensors) {
    lines.push_back(Describe(tensor.name, tensor.dtype, tensor.shape));
  }
  return lines;
}

class PublishedLayoutTest : public testing::TestWithParam<Format> {};

TEST_P(PublishedLayoutTest, HasTheSameTensorsInTheSameOrder) {
  const std::string folder = Folder(GetParam());
  auto files = ComposeTextFiles(folder + "/config.json", GetParam().quant);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto plan = PlanCheckpoint(*std::move(files), 0);
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_EQ(plan->shards.size(), 1);
  const auto published = runner::SafetensorsFile::Open(folder + "/model.safetensors");
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_EQ(Describe(plan->shards[0]), Describe(published->tensors()));
}

INSTANTIATE_TEST_SUITE_P(All, PublishedLayoutTest,
                         testing::Values(Format{"awq", "awq"}, Format{"gptq", "gptq"},
                                         Format{"bnb", "bnb_nf4"}),
                         [](const auto& info) { return std::string(info.param.quant); });

TEST(PublishedTablesTest, AreBitsandbytes) {
  const auto published =
      runner::SafetensorsFile::Open("testdata/mini_qwen3_moe/bnb_nf4/model.safetensors");
  ASSERT_TRUE(published.ok()) << published.status();
  const std::string weight = "model.layers.0.self_attn.q_proj.weight";
  const at::Tensor map = published->Read(weight + ".quant_map").value();
  const at::Tensor nested = published->Read(weight + ".nested_quant_map").value();
  for (size_t i = 0; i < runner::kNf4Values.size(); ++i) {
    EXPECT_EQ(map.const_data_ptr<float>()[i], runner::kNf4Values[i]) << i;
  }
  const auto values = runner::Nf4NestedValues();
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_FLOAT_EQ(nested.const_data_ptr<float>()[i], values[i]) << i;
  }
}

}  // namespace
}  // namespace forensics::synthesis
