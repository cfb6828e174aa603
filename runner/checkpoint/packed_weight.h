// What the decoders of 4-bit formats have in common.
#ifndef RUNNER_CHECKPOINT_PACKED_WEIGHT_H_
#define RUNNER_CHECKPOINT_PACKED_WEIGHT_H_

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <initializer_list>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace forensics::runner {

inline constexpr int64_t kNibblesPerWord = 8;
inline constexpr int kLevels = 16;  // values of a 4-bit integer

// InvalidArgument "awq: qzeros: expected int32 [2, 4], found Half [2, 4]" where `tensor` is
// anything else than one of `dtypes` in `shape`.
absl::Status CheckOperand(absl::string_view format, absl::string_view name,
                          const at::Tensor& tensor, std::initializer_list<at::ScalarType> dtypes,
                          std::initializer_list<int64_t> shape);

absl::Status CannotDecodeTo(absl::string_view format, at::ScalarType dtype);

// The weight [out, in] of `dtype`, filled by decode(T* weight) with T the type of its elements.
// InvalidArgument for another dtype than float32, float16 and bfloat16.
template <typename Decode>
absl::StatusOr<at::Tensor> DecodeTo(absl::string_view format, at::ScalarType dtype, int64_t out,
                                    int64_t in, const Decode& decode) {
  if (dtype != at::kFloat && dtype != at::kHalf && dtype != at::kBFloat16) {
    return CannotDecodeTo(format, dtype);
  }
  at::Tensor weight = at::empty({out, in}, at::TensorOptions().dtype(dtype));
  if (dtype == at::kFloat) decode(weight.mutable_data_ptr<float>());
  if (dtype == at::kHalf) decode(weight.mutable_data_ptr<at::Half>());
  if (dtype == at::kBFloat16) decode(weight.mutable_data_ptr<at::BFloat16>());
  return weight;
}

}  // namespace forensics::runner

#endif  // RUNNER_CHECKPOINT_PACKED_WEIGHT_H_
