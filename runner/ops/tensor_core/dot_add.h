// The fused dot-add of NVIDIA's tensor cores, one output at a time: what every faster form is held
// against.
//
// A tensor core computes d = c + sum a_k b_k for a few products at once, with neither IEEE
// intermediate results nor rounding to nearest: products are exact and not normalised; they and c
// are aligned to the largest exponent, cut off below `fraction_bits`, added exactly, and the sum is
// cut off to float32. A long dot product is a chain: the result is the next step's c.
//
// Source: MMA-Sim (arXiv 2511.10909), Khattak and Mikaitis (arXiv 2512.07004), and for Hopper own
// measurements, which differ from MMA-Sim where an operand is zero and below 2^-126 (see
// docs/numerics.md). Not documented by NVIDIA.
#ifndef RUNNER_OPS_TENSOR_CORE_DOT_ADD_H_
#define RUNNER_OPS_TENSOR_CORE_DOT_ADD_H_

#include <cstdint>

namespace forensics::runner {

// How a GPU's tensor cores add, for 16-bit inputs and float32 accumulators.
struct TensorCore {
  const char* gpu;      // the library's choices are the GPU's (product_recipes.h)
  int products;         // of one fused dot-add, at most 16
  int fraction_bits;    // that terms keep below the largest exponent, at most 25
  int multiprocessors;  // of the GPU with an SXM socket: libraries cut work by their number
};

inline constexpr TensorCore kVoltaTensorCore = {"V100", 4, 23, 80};  // float16 alone
inline constexpr TensorCore kAmpereTensorCore = {"A100", 8, 24, 108};
inline constexpr TensorCore kH100TensorCore = {"H100", 16, 25, 132};
inline constexpr TensorCore kH200TensorCore = {"H200", 16, 25, 132};
inline constexpr TensorCore kBlackwellTensorCore = {"B200", 16, 25, 148};

// The formats of inputs, as patterns of 16 bits.
enum class InputFormat { kBfloat16, kFloat16 };

// The one NaN that tensor cores return.
inline constexpr uint32_t kTensorCoreNan = 0x7fffffff;

// A finite input: (-1)^negative * significand * 2^(exponent - FractionBits(format)).
struct FiniteInput {
  bool negative;
  uint32_t significand;  // 0 for zero; of subnormal numbers without the implicit one
  int exponent;
};

// Bits of an input's significand behind the point: 7 or 10.
constexpr int FractionBits(InputFormat format) { return format == InputFormat::kBfloat16 ? 7 : 10; }

bool IsFinite(InputFormat format, uint16_t bits);
bool IsNan(InputFormat format, uint16_t bits);

// `bits` must be finite.
FiniteInput Unpack(InputFormat format, uint16_t bits);

// c + sum of a[k] * b[k] over `count` products, 0 to core.products of them.
float FusedDotAdd(const TensorCore& core, InputFormat format, const uint16_t* a, const uint16_t* b,
                  int count, float c);

// A chain of fused dot-adds over k = 0 ... count - 1, ascending, core.products at a time. A rest
// takes part as if it were filled up with zeros.
float ChainedDotAdd(const TensorCore& core, InputFormat format, const uint16_t* a,
                    const uint16_t* b, int64_t count, float c);

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_DOT_ADD_H_
