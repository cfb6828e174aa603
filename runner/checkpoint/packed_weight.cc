#include "runner/checkpoint/packed_weight.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace forensics::runner {

absl::Status CheckOperand(absl::string_view format, absl::string_view name,
                          const at::Tensor& tensor, std::initializer_list<at::ScalarType> dtypes,
                          std::initializer_list<int64_t> shape) {
  const bool fits = std::find(dtypes.begin(), dtypes.end(), tensor.scalar_type()) != dtypes.end();
  if (fits && tensor.sizes() == at::IntArrayRef(shape)) return absl::OkStatus();
  const std::string expected = absl::StrJoin(
      dtypes, " or ",
      [](std::string* out, at::ScalarType dtype) { absl::StrAppend(out, c10::toString(dtype)); });
  return absl::InvalidArgumentError(absl::StrCat(
      format, ": ", name, ": expected ", expected, " [", absl::StrJoin(shape, ", "), "], found ",
      c10::toString(tensor.scalar_type()), " [", absl::StrJoin(tensor.sizes(), ", "), "]"));
}

absl::Status CannotDecodeTo(absl::string_view format, at::ScalarType dtype) {
  return absl::InvalidArgumentError(
      absl::StrCat(format, ": cannot decode to ", c10::toString(dtype)));
}

}  // namespace forensics::runner
