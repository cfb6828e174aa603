// bitsandbytes' 4-bit NormalFloat packing of a weight: a table of sixteen values, scaled for each
// block of weights by their largest magnitude, which may be stored in 8 bits itself ("double
// quantisation"). Sources: bitsandbytes, functional.py (QuantState, dequantize_4bit); Dettmers et
// al., QLoRA, arXiv:2305.14314.
#ifndef RUNNER_CHECKPOINT_NF4_H_
#define RUNNER_CHECKPOINT_NF4_H_

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

inline constexpr int64_t kNf4NestedLevels = 256;  // values of a magnitude's 8-bit code

// The tables that bitsandbytes writes (quant_map, nested_quant_map); a decoder goes by those
// stored.
inline constexpr std::array<float, 16> kNf4Values = {
    -1.0f,
    -0.6961928009986877f,
    -0.5250730514526367f,
    -0.39491748809814453f,
    -0.28444138169288635f,
    -0.18477343022823334f,
    -0.09105003625154495f,
    0.0f,
    0.07958029955625534f,
    0.16093020141124725f,
    0.24611230194568634f,
    0.33791524171829224f,
    0.44070982933044434f,
    0.5626170039176941f,
    0.7229568362236023f,
    1.0f,
};
// functional.py: create_dynamic_map with its defaults, up to a rounding.
std::array<float, kNf4NestedLevels> Nf4NestedValues();

// What NAME.weight.quant_state.bitsandbytes__nf4, JSON in bytes, says of NAME.weight.
struct Nf4Layout {
  struct Nested {
    int64_t block_size = 256;  // magnitudes a block
    float offset = 0;          // added to each magnitude
  };
  int64_t out_features = 0;  // the published shape
  int64_t in_features = 0;
  int64_t block_size = 64;       // weights a block, in row-major order across rows
  std::optional<Nested> nested;  // with double quantisation

  int64_t weights() const { return out_features * in_features; }
  int64_t bytes() const { return (weights() + 1) / 2; }
  int64_t blocks() const { return (weights() + block_size - 1) / block_size; }
  // With double quantisation: blocks of blocks.
  int64_t nested_blocks() const { return (blocks() + nested->block_size - 1) / nested->block_size; }
};

// Errors name `origin` and the field.
absl::StatusOr<Nf4Layout> ParseNf4Layout(absl::string_view json, absl::string_view origin);
// The text that bitsandbytes writes of a layout with double quantisation.
std::string Nf4LayoutJson(const Nf4Layout& layout);

struct Nf4Tensors {
  at::Tensor weight;            // uint8 [bytes, 1]: two weights each, the high nibble first
  at::Tensor absmax;            // float32 or, nested, uint8 [blocks]
  at::Tensor quant_map;         // float32 [16]
  at::Tensor nested_absmax;     // float32 [nested_blocks]; undefined without double quantisation
  at::Tensor nested_quant_map;  // float32 [256]; likewise
};

// The weight [out, in]: quant_map[q] * absmax, with absmax = nested_quant_map[absmax] *
// nested_absmax + offset where it is nested; each operation in float32, then rounded once to
// `dtype` (float32, float16 or bfloat16). On the CPU, in at::parallel_for.
// Errors: other shapes or dtypes.
absl::StatusOr<at::Tensor> DecodeNf4(const Nf4Tensors& tensors, const Nf4Layout& layout,
                                     at::ScalarType dtype);

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_NF4_H_
