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

// How a GPU's tensor cores add, for 16-bit inputs and float32 accumulators, and what of the runner
// it can be asked for.
struct TensorCore {
  const char* gpu;       // the library's choices are the GPU's (product_recipes.h)
  int products;          // of one fused dot-add, at most 16
  int fraction_bits;     // that terms keep below the largest exponent, at most 25
  int multiprocessors;   // of the GPU with an SXM socket: libraries cut work by their number
  bool has_bfloat16;     // models are emulated in bfloat16 alone
  bool has_decode_step;  // the captured step's kernels are Hopper's
  const char* verified;  // how far an emulation was held against a real one
};

// One line adds a GPU: labels, refusals and digests walk it.
inline constexpr TensorCore kTensorCores[] = {
    {"V100", 4, 23, 80, false, false, "no"},
    {"A100", 8, 24, 108, true, false,
     "no: instructions as published, special functions as measured on Hopper, each product taken "
     "as one chain (what the library splits is not known)"},
    {"H100", 16, 25, 132, true, true, "on an H100"},
    {"H200", 16, 25, 132, true, true,
     "products, attention and a whole run on an H200, the rest on an H100"},
    {"B200", 16, 25, 148, true, false,
     "no: instructions as published, special functions and libtorch's kernels taken from Hopper, "
     "each product taken as one chain (what the library splits is not known)"},
};

inline constexpr const TensorCore& kVoltaTensorCore = kTensorCores[0];
inline constexpr const TensorCore& kAmpereTensorCore = kTensorCores[1];
inline constexpr const TensorCore& kH100TensorCore = kTensorCores[2];
inline constexpr const TensorCore& kH200TensorCore = kTensorCores[3];
inline constexpr const TensorCore& kBlackwellTensorCore = kTensorCores[4];

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
