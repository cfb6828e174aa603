#include "runner/checkpoint/packed_linear.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runner/checkpoint/awq.h"
#include "runner/checkpoint/gptq.h"
#include "runner/checkpoint/nf4.h"

namespace forensics::runner {
namespace {

// A module's tensors, by the end of their names. Reading goes on after an error, which is kept.
class Parts {
 public:
  Parts(const WeightFiles& files, const std::string& module) : files_(files), module_(module) {}

  at::Tensor Read(absl::string_view suffix) {
    auto tensor = files_.Read(absl::StrCat(module_, suffix));
    status_.Update(tensor.status());
    return tensor.ok() ? *std::move(tensor) : at::Tensor();
  }
  const absl::Status& status() const { return status_; }

 private:
  const WeightFiles& files_;
  const std::string& module_;
  absl::Status status_;
};

absl::StatusOr<at::Tensor> Awq(Parts& parts, at::ScalarType dtype) {
  const at::Tensor qweight = parts.Read(".qweight");
  const at::Tensor qzeros = parts.Read(".qzeros");
  const at::Tensor scales = parts.Read(".scales");
  if (!parts.status().ok()) return parts.status();
  return DecodeAwq(qweight, qzeros, scales, dtype);
}

absl::StatusOr<at::Tensor> Gptq(Parts& parts, int zero_offset, at::ScalarType dtype) {
  const GptqTensors tensors = {parts.Read(".qweight"), parts.Read(".qzeros"), parts.Read(".scales"),
                               parts.Read(".g_idx")};
  if (!parts.status().ok()) return parts.status();
  return DecodeGptq(tensors, zero_offset, dtype);
}

absl::StatusOr<at::Tensor> Nf4(Parts& parts, const Nf4Layout& layout, at::ScalarType dtype) {
  Nf4Tensors tensors;
  tensors.weight = parts.Read(".weight");
  tensors.absmax = parts.Read(".weight.absmax");
  tensors.quant_map = parts.Read(".weight.quant_map");
  if (layout.nested.has_value()) {
    tensors.nested_absmax = parts.Read(".weight.nested_absmax");
    tensors.nested_quant_map = parts.Read(".weight.nested_quant_map");
  }
  if (!parts.status().ok()) return parts.status();
  return DecodeNf4(tensors, layout, dtype);
}

absl::StatusOr<at::Tensor> Decode(Parts& parts, const LinearLayer& layer, const QuantConfig& quant,
                                  at::ScalarType dtype) {
  switch (quant.method) {
    case QuantMethod::kNone:
      break;
    case QuantMethod::kAwq:
      return Awq(parts, dtype);
    case QuantMethod::kGptq:
      return Gptq(parts, quant.gptq_zero_offset, dtype);
    case QuantMethod::kBnbNf4:
      return Nf4(parts, *layer.nf4, dtype);
  }
  return absl::InternalError("not a packed layer");
}

// The file that holds a part of `module`, whose parts may lie in several.
std::string FileOf(const WeightFiles& files, const std::string& module) {
  const auto part = files.tensors().lower_bound(absl::StrCat(module, "."));
  return part == files.tensors().end() ? "" : part->second.file->path();
}

}  // namespace

absl::StatusOr<at::Tensor> DecodePackedLinear(const WeightFiles& files, const std::string& module,
                                              const LinearLayer& layer, const QuantConfig& quant,
                                              at::ScalarType dtype) {
  Parts parts(files, module);
  absl::StatusOr<at::Tensor> weight = Decode(parts, layer, quant, dtype);
  if (weight.ok()) return weight;
  return absl::Status(weight.status().code(), absl::StrCat(FileOf(files, module), ": ", module,
                                                           ": ", weight.status().message()));
}

absl::StatusOr<Nf4Layouts> ReadNf4Layouts(const WeightFiles& files) {
  Nf4Layouts layouts;
  for (const auto& [name, location] : files.tensors()) {
    if (!absl::EndsWith(name, kNf4LayoutSuffix)) continue;
    auto layout =
        ParseNf4Layout(location.bytes(), absl::StrCat(location.file->path(), ": tensor ", name));
    if (!layout.ok()) return layout.status();
    layouts.emplace(absl::StripSuffix(name, kNf4LayoutSuffix), *std::move(layout));
  }
  return layouts;
}

}  // namespace forensics::runner
