// What NVRTC made of every kernel of this folder. Needs no GPU.
#include <iostream>
#include <regex>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "third_party/nvrtc/cubins.h"

extern const nvrtc::Cubins collect_signals_cubins;
extern const nvrtc::Cubins decode_begin_cubins;
extern const nvrtc::Cubins decode_layers_mini_qwen3_moe_int4_cubins;
extern const nvrtc::Cubins decode_layers_mini_qwen3_moe_nf4_cubins;
extern const nvrtc::Cubins decode_layers_qwen3_30b_a3b_int4_cubins;
extern const nvrtc::Cubins decode_layers_qwen3_30b_a3b_nf4_cubins;
extern const nvrtc::Cubins dequantize_cubins;
extern const nvrtc::Cubins group_by_expert_cubins;
extern const nvrtc::Cubins lm_head_cubins;
extern const nvrtc::Cubins quantized_gemv_cubins;
extern const nvrtc::Cubins repack_awq_cubins;
extern const nvrtc::Cubins repack_gptq_cubins;
extern const nvrtc::Cubins repack_nf4_cubins;
extern const nvrtc::Cubins rms_norm_cubins;
extern const nvrtc::Cubins route_tokens_cubins;
extern const nvrtc::Cubins scatter_rows_cubins;
extern const nvrtc::Cubins split_heads_cubins;
extern const nvrtc::Cubins swiglu_cubins;
extern const nvrtc::Cubins weighted_sum_cubins;

namespace forensics::runner {
namespace {

struct Source {
  const nvrtc::Cubins& cubins;
  std::vector<int> archs;
  int spills = 0;  // bytes that are tolerated
};

const std::vector<int> kBoth = {80, 90};
// Too much shared memory for any sm_80 GPU.
const std::vector<int> kHopper = {90};
// Of 128 registers a thread: a few addresses, read back once or twice a layer. CUDA 11.8 spills
// most.
constexpr int kAddressSpills = 132;

class KernelsTest : public testing::TestWithParam<Source> {};

TEST_P(KernelsTest, AreMachineCode) {
  const nvrtc::Cubins& cubins = GetParam().cubins;
  for (const int arch : GetParam().archs) {
    const nvrtc::Cubin* cubin = cubins.Find(arch);
    ASSERT_NE(cubin, nullptr) << "no machine code for sm_" << arch;
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(cubin->image) + 1, 3), "ELF");
    const std::string report = cubin->report;
    EXPECT_NE(report.find("registers"), std::string::npos) << report;
    std::cout << cubins.source << " sm_" << arch << "\n" << report << "\n";
    const std::regex spills("([0-9]+) bytes spill (stores|loads)");
    for (std::sregex_iterator i(report.begin(), report.end(), spills), end; i != end; ++i) {
      EXPECT_LE(std::stoi((*i)[1].str()), GetParam().spills) << "sm_" << arch << ": " << i->str();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sources, KernelsTest,
    testing::Values(Source{collect_signals_cubins, kBoth}, Source{decode_begin_cubins, kBoth},
                    Source{decode_layers_mini_qwen3_moe_int4_cubins, kHopper, kAddressSpills},
                    Source{decode_layers_mini_qwen3_moe_nf4_cubins, kHopper, kAddressSpills},
                    Source{decode_layers_qwen3_30b_a3b_int4_cubins, kHopper, kAddressSpills},
                    Source{decode_layers_qwen3_30b_a3b_nf4_cubins, kHopper, kAddressSpills},
                    Source{dequantize_cubins, kBoth}, Source{group_by_expert_cubins, kBoth},
                    Source{lm_head_cubins, kBoth}, Source{quantized_gemv_cubins, kBoth},
                    Source{repack_awq_cubins, kBoth}, Source{repack_gptq_cubins, kBoth},
                    Source{repack_nf4_cubins, kBoth}, Source{rms_norm_cubins, kBoth},
                    Source{route_tokens_cubins, kBoth}, Source{scatter_rows_cubins, kBoth},
                    Source{split_heads_cubins, kBoth}, Source{swiglu_cubins, kBoth},
                    Source{weighted_sum_cubins, kBoth}),
    [](const testing::TestParamInfo<Source>& info) {
      const std::string path = info.param.cubins.source;
      const size_t name = path.rfind('/') + 1;
      return path.substr(name, path.rfind('.') - name);
    });

}  // namespace
}  // namespace forensics::runner
