#include "runner/ops/tensor_core/cuda_math.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "runner/ops/tensor_core/float_bits.h"
#include "runner/ops/tensor_core/special_functions.h"

namespace forensics::runner {
namespace {

constexpr float kLn2 = 0x1.62e430p-1f;

}  // namespace

float CudaExp(float x) {
  constexpr float kLog2E = 0x1.715476p0f, kLog2ERest = 0x1.4ae0c0p-26f;
  // x log2(e) / 252 + 1/2, between 0 and 1, so that no exponent is beyond float32's; NaN gives 0.
  const float share = std::fma(x, 0x1.77313ap-8f, 0.5f);
  const float clamped = share > 0 ? std::min(share, 1.0f) : 0.0f;
  // Rounded down to a whole number, which the last eight bits hold with a bias of 127 - 1: 1.5 *
  // 2^23 and 1 are added.
  const auto shifted = static_cast<float>(std::floor(double{clamped} * 252 + 0x1.800002p23));
  const float whole = shifted - (0x1.8p23f + 127);
  const float rest = std::fma(x, kLog2ERest, std::fma(x, kLog2E, -whole));
  return ApproximateExp2(rest) * FloatOf(BitsOf(shifted) << 23);
}

float CudaLog(float x) {
  constexpr float kCoefficients[] = {-0x1.0aa04ep-3f, 0x1.2073ecp-3f,  -0x1.f19b98p-4f,
                                     0x1.1e52aap-3f,  -0x1.55b172p-3f, 0x1.99da16p-3f,
                                     -0x1.fffe44p-3f, 0x1.5554f0p-2f,  -0x1.000000p-1f};
  constexpr uint32_t kTwoThirds = 0x3f2aaaab;
  if (std::isnan(x) || x == std::numeric_limits<float>::infinity()) return x + x;
  if (x == 0) return -std::numeric_limits<float>::infinity();
  if (x < 0) return FloatOf(0x7fffffff);
  const bool is_subnormal = x < 0x1p-126f;
  const float normal = is_subnormal ? x * 0x1p23f : x;
  const uint32_t exponent = (BitsOf(normal) - kTwoThirds) & 0xff800000;
  const float m = FloatOf(BitsOf(normal) - exponent) - 1;
  const float power = std::fma(static_cast<float>(static_cast<int32_t>(exponent)), 0x1p-23f,
                               is_subnormal ? -23.0f : 0.0f);
  float sum = kCoefficients[0];
  for (int i = 1; i < 9; ++i) sum = std::fma(sum, m, kCoefficients[i]);
  return std::fma(power, kLn2, std::fma(m * sum, m, m));
}

float CudaExp2(float x) {
  if (!(x < -126)) return ApproximateExp2(x);
  const float root = ApproximateExp2(x * 0.5f);
  return root * root;
}

float CudaFastLog(float x) { return ApproximateLog2(x) * kLn2; }

}  // namespace forensics::runner
