// The GPU's instructions against their models: every output, bit for bit.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "runner/cuda/kernel.h"
#include "runner/ops/emulated/testing/this_gpu.h"
#include "runner/ops/parallel.h"
#include "runner/ops/tensor_core/dot_add.h"
#include "runner/ops/tensor_core/float_bits.h"
#include "runner/ops/tensor_core/special_functions.h"

extern const nvrtc::Cubins instructions_cubins;

namespace forensics::runner {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kProducts = 80'000;  // 10 million outputs
constexpr int64_t kRows = 16, kColumns = 8, kDepth = 16;

const CudaKernel kMmaBf16(instructions_cubins, "mma_bf16");
const CudaKernel kMmaF16(instructions_cubins, "mma_f16");
const CudaKernel kEx2(instructions_cubins, "approximate_ex2");
const CudaKernel kLg2(instructions_cubins, "approximate_lg2");
const CudaKernel kRcp(instructions_cubins, "approximate_rcp");
const CudaKernel kRsqrt(instructions_cubins, "approximate_rsqrt");

// NaNs are one: which of them an instruction returns is compared for mma alone.
bool SameNumber(float a, float b) { return BitsOf(a) == BitsOf(b) || (a != a && b != b); }

template <typename T>
at::Tensor Upload(const std::vector<T>& values, at::ScalarType dtype) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, dtype);
  std::memcpy(tensor.mutable_data_ptr(), values.data(), values.size() * sizeof(T));
  return tensor.to(at::kCUDA);
}

// ---- The fused dot-add
// ---------------------------------------------------------------------------

enum class Operands {
  kAnyBits,     // infinities, NaN and subnormals among them
  kAlike,       // of one magnitude
  kCancelling,  // each product is followed by its opposite, but for a last bit now and then
  kTiny,        // zeros, subnormals, and products below float32's range
};

struct MmaCase {
  InputFormat format;
  Operands operands;
  const char* name;
};
std::ostream& operator<<(std::ostream& out, const MmaCase& c) { return out << c.name; }

class MmaInputs {
 public:
  MmaInputs(const MmaCase& c, uint64_t seed) : case_(c), random_(seed) {
    a = Inputs(kProducts * kRows * kDepth);
    b = Inputs(kProducts * kColumns * kDepth);
    if (c.operands == Operands::kCancelling) Cancel();
    for (int64_t i = 0; i < kProducts * kRows * kColumns; ++i) this->c.push_back(Accumulator());
  }

  std::vector<uint16_t> a, b;
  std::vector<float> c;

 private:
  uint16_t Input() {
    const auto bits = static_cast<uint16_t>(random_());
    const bool is_bf16 = case_.format == InputFormat::kBfloat16;
    const int fraction = FractionBits(case_.format);
    const auto with_exponent = [&](unsigned exponent) {
      return static_cast<uint16_t>((bits & (0x8000u | ((1u << fraction) - 1))) | exponent
                                                                                     << fraction);
    };
    const auto choice = static_cast<unsigned>(random_() % 8);
    switch (case_.operands) {
      case Operands::kAnyBits:
        return bits;
      case Operands::kTiny:
        if (choice == 0) return bits & 0x8000;
        return with_exponent(choice < 4 ? 0 : is_bf16 ? 55 + choice : choice - 3);
      default:
        return with_exponent((is_bf16 ? 124 : 12) + choice % 6);
    }
  }

  float Accumulator() {
    const auto bits = static_cast<uint32_t>(random_());
    switch (case_.operands) {
      case Operands::kAnyBits:
        return FloatOf(bits);
      case Operands::kTiny:
        return FloatOf((bits & 0x807fffff) | (bits >> 24) % 16 << 23);
      default:
        return FloatOf((bits & 0x807fffff) | (120 + (bits >> 24) % 16) << 23);
    }
  }

  std::vector<uint16_t> Inputs(int64_t count) {
    std::vector<uint16_t> values(count);
    for (uint16_t& value : values) value = Input();
    return values;
  }

  void Cancel() {
    for (size_t i = 0; i + 1 < a.size(); i += 2) {
      a[i + 1] = static_cast<uint16_t>(a[i] ^ 0x8000 ^ (random_() % 4 == 0 ? 1 : 0));
    }
    for (size_t i = 0; i + 1 < b.size(); i += 2) b[i + 1] = b[i];
  }

  MmaCase case_;
  std::mt19937_64 random_;
};

class Instructions : public testing::TestWithParam<MmaCase> {};

TEST_P(Instructions, FusedDotAdd) {
  const MmaInputs inputs(GetParam(), 1);
  const int64_t outputs = static_cast<int64_t>(inputs.c.size());
  const at::Tensor a = Upload(inputs.a, at::kShort), b = Upload(inputs.b, at::kShort);
  const at::Tensor c = Upload(inputs.c, at::kFloat);
  at::Tensor d = at::empty({outputs}, c.options());
  Launch launch;
  launch.blocks[0] = kProducts * 32 / kThreads;
  launch.threads = kThreads;
  const CudaKernel& kernel = GetParam().format == InputFormat::kBfloat16 ? kMmaBf16 : kMmaF16;
  kernel(launch, a.const_data_ptr(), b.const_data_ptr(), c.const_data_ptr(),
         static_cast<int>(kProducts), d.mutable_data_ptr());
  const at::Tensor gpu = d.cpu();
  std::atomic<int64_t> differences{0};
  ParallelFor(outputs, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t product = i / (kRows * kColumns), row = i / kColumns % kRows;
      const float model = ChainedDotAdd(
          ThisTensorCore(), GetParam().format, inputs.a.data() + (product * kRows + row) * kDepth,
          inputs.b.data() + (product * kColumns + i % kColumns) * kDepth, kDepth, inputs.c[i]);
      differences += BitsOf(model) != BitsOf(gpu.const_data_ptr<float>()[i]);
    }
  });
  EXPECT_EQ(differences, 0) << "of " << outputs << " outputs";
}

constexpr MmaCase kMmaCases[] = {
    {InputFormat::kBfloat16, Operands::kAnyBits, "bf16_any_bits"},
    {InputFormat::kBfloat16, Operands::kAlike, "bf16_alike"},
    {InputFormat::kBfloat16, Operands::kCancelling, "bf16_cancelling"},
    {InputFormat::kBfloat16, Operands::kTiny, "bf16_tiny"},
    {InputFormat::kFloat16, Operands::kAnyBits, "f16_any_bits"},
    {InputFormat::kFloat16, Operands::kAlike, "f16_alike"},
    {InputFormat::kFloat16, Operands::kCancelling, "f16_cancelling"},
    {InputFormat::kFloat16, Operands::kTiny, "f16_tiny"},
};

INSTANTIATE_TEST_SUITE_P(Mma, Instructions, testing::ValuesIn(kMmaCases),
                         [](const auto& info) { return std::string(info.param.name); });

// ---- Special functions
// ---------------------------------------------------------------------------

struct FunctionCase {
  const char* name;
  const CudaKernel* kernel;
  float (*model)(float);
};
std::ostream& operator<<(std::ostream& out, const FunctionCase& c) { return out << c.name; }

class SpecialFunctions : public testing::TestWithParam<FunctionCase> {};

// Of 2^24 random patterns.
TEST_P(SpecialFunctions, HaveTheGpusBits) {
  constexpr int64_t kCount = 1 << 24;
  std::mt19937_64 random(7);
  std::vector<float> x(kCount);
  for (float& value : x) value = FloatOf(static_cast<uint32_t>(random()));
  // 2^x is zero or infinite for most patterns: half of them of moderate size.
  for (int64_t i = 0; i < kCount; i += 2) {
    x[i] = FloatOf((BitsOf(x[i]) & 0x807fffff) | (100 + (BitsOf(x[i]) >> 23) % 35) << 23);
  }
  const at::Tensor input = Upload(x, at::kFloat);
  at::Tensor output = at::empty({kCount}, input.options());
  Launch launch;
  launch.blocks[0] = kCount / kThreads;
  launch.threads = kThreads;
  (*GetParam().kernel)(launch, input.const_data_ptr(), static_cast<int>(kCount),
                       output.mutable_data_ptr());
  const at::Tensor gpu = output.cpu();
  int64_t differences = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const float found = gpu.const_data_ptr<float>()[i], model = GetParam().model(x[i]);
    if (SameNumber(found, model)) continue;
    if (differences++ < 5) {
      ADD_FAILURE() << std::hexfloat << x[i] << ": " << found << ", modelled as " << model;
    }
  }
  EXPECT_EQ(differences, 0) << "of " << kCount;
}

INSTANTIATE_TEST_SUITE_P(Mufu, SpecialFunctions,
                         testing::Values(FunctionCase{"ex2", &kEx2, ApproximateExp2},
                                         FunctionCase{"lg2", &kLg2, ApproximateLog2},
                                         FunctionCase{"rcp", &kRcp, ApproximateReciprocal},
                                         FunctionCase{"rsqrt", &kRsqrt, ApproximateReciprocalSqrt}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace forensics::runner
