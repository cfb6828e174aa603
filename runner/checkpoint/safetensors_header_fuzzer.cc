// Any bytes are refused by name, or are tensors that lie in the file one behind the other.
#include <algorithm>
#include <cstdint>

#include "absl/strings/match.h"
#include "runner/checkpoint/safetensors_header.h"
#include "tools/fuzzing/fuzz_input.h"

namespace {

using forensics::fuzzing::Expect;

void CheckTensors(const forensics::runner::StoredTensors& tensors, size_t file_size) {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : tensors) {
    Expect(tensor.begin >= 8 && tensor.begin <= tensor.end &&
               tensor.end <= static_cast<int64_t>(file_size),
           "a tensor lies in the file", name);
    int64_t bits = tensor.dtype->bits;
    for (const int64_t size : tensor.shape) {
      Expect(size >= 0, "a size is not negative", name);
      if (__builtin_mul_overflow(bits, size, &bits)) Expect(false, "a shape fits an int64", name);
    }
    Expect(bits % 8 == 0 && bits / 8 == tensor.end - tensor.begin, "a tensor has its bytes", name);
    bytes += tensor.end - tensor.begin;
  }
  Expect(bytes <= static_cast<int64_t>(file_size) - 8, "tensors do not overlap");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view file(reinterpret_cast<const char*>(data), size);
  const auto tensors = forensics::runner::ParseSafetensors(file, "w.safetensors");
  if (tensors.ok()) {
    CheckTensors(*tensors, size);
    return 0;
  }
  const absl::string_view message = tensors.status().message();
  Expect(absl::StartsWith(message, "w.safetensors: "), "an error names the file", message);
  constexpr char kBefore[] = "w.safetensors: header: not valid JSON at byte ";
  Expect(forensics::fuzzing::OffsetBehind(kBefore, message) <= static_cast<int64_t>(size),
         "an error's byte is one of the file", message);
  return 0;
}
