#include "runner/cuda/gpu_label.h"

#include <utility>

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

TEST(GpuLabelTest, Names) {
  const std::pair<const char*, const char*> cases[] = {
      {"NVIDIA A100-SXM4-80GB", "A100-80GB"},
      {"NVIDIA A100-SXM4-40GB", "A100-40GB"},
      {"NVIDIA A100 80GB PCIe", "A100-80GB"},
      {"A100-PCIE-40GB", "A100-40GB"},
      {"NVIDIA A800-SXM4-80GB", "A800-80GB"},
      {"NVIDIA H100 80GB HBM3", "H100"},
      {"NVIDIA H100 PCIe", "H100"},
      {"NVIDIA H100 NVL", "H100"},
      {"NVIDIA H200", "H200"},
      {"NVIDIA H200 NVL", "H200"},
      {"NVIDIA GH200 480GB", "GH200"},
      {"NVIDIA A100-SXM4-80GB MIG 3g.40gb", "A100-80GB MIG 3g.40gb"},
      {"NVIDIA H100 80GB HBM3 MIG 1g.10gb", "H100 MIG 1g.10gb"},
      {"NVIDIA L40S", "L40S"},
      {"NVIDIA A10", "A10"},
      {"NVIDIA RTX A6000", "RTX A6000"},
      {"NVIDIA GeForce RTX 4090", "RTX 4090"},
      {"Tesla T4", "T4"},
      {"Graphics Device", "Graphics Device"},
      {"NVIDIA", "GPU"},
      {"", "GPU"},
  };
  for (const auto& [name, label] : cases) EXPECT_EQ(GpuLabel(name), label) << name;
}

}  // namespace
}  // namespace forensics::runner
