#include "runner/checkpoint/packed_linear.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runner/checkpoint/awq.h"

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

AwqLinear ReadAwq(Parts& parts) {
  return {parts.Read(".qweight"), parts.Read(".qzeros"), parts.Read(".scales")};
}

GptqLinear ReadGptq(Parts& parts, int zero_offset) {
  return {
      {parts.Read(".qweight"), parts.Read(".qzeros"), parts.Read(".scales"), parts.Read(".g_idx")},
      zero_offset};
}

Nf4Linear ReadNf4(Parts& parts, const Nf4Layout& layout) {
  Nf4Linear linear;
  linear.layout = layout;
  linear.tensors.weight = parts.Read(".weight");
  linear.tensors.absmax = parts.Read(".weight.absmax");
  linear.tensors.quant_map = parts.Read(".weight.quant_map");
  if (layout.nested.has_value()) {
    linear.tensors.nested_absmax = parts.Read(".weight.nested_absmax");
    linear.tensors.nested_quant_map = parts.Read(".weight.nested_quant_map");
  }
  return linear;
}

absl::StatusOr<PackedLinear> Read(Parts& parts, const LinearLayer& layer,
                                  const QuantConfig& quant) {
  switch (quant.method) {
    case QuantMethod::kNone:
      break;
    case QuantMethod::kAwq:
      return ReadAwq(parts);
    case QuantMethod::kGptq:
      return ReadGptq(parts, quant.gptq_zero_offset);
    case QuantMethod::kBnbNf4:
      return ReadNf4(parts, *layer.nf4);
  }
  return absl::InternalError("not a packed layer");
}

absl::StatusOr<at::Tensor> Decode(const PackedLinear& linear, at::ScalarType dtype) {
  if (const auto* awq = std::get_if<AwqLinear>(&linear)) {
    return DecodeAwq(awq->qweight, awq->qzeros, awq->scales, dtype);
  }
  if (const auto* gptq = std::get_if<GptqLinear>(&linear)) {
    return DecodeGptq(gptq->tensors, gptq->zero_offset, dtype);
  }
  const auto& nf4 = std::get<Nf4Linear>(linear);
  return DecodeNf4(nf4.tensors, nf4.layout, dtype);
}

// The file that holds a part of `module`, whose parts may lie in several.
std::string FileOf(const WeightFiles& files, const std::string& module) {
  const auto part = files.tensors().lower_bound(absl::StrCat(module, "."));
  return part == files.tensors().end() ? "" : part->second.file->path();
}

absl::Status Named(const absl::Status& status, const WeightFiles& files,
                   const std::string& module) {
  return absl::Status(status.code(),
                      absl::StrCat(FileOf(files, module), ": ", module, ": ", status.message()));
}

}  // namespace

absl::StatusOr<PackedLinear> ReadPackedLinear(const WeightFiles& files, const std::string& module,
                                              const LinearLayer& layer, const QuantConfig& quant) {
  Parts parts(files, module);
  absl::StatusOr<PackedLinear> linear = Read(parts, layer, quant);
  absl::Status status = parts.status();
  const auto* gptq = linear.ok() ? std::get_if<GptqLinear>(&*linear) : nullptr;
  if (status.ok() && gptq != nullptr) status = CheckGptq(gptq->tensors);
  if (!status.ok()) return Named(status, files, module);
  return linear;
}

absl::StatusOr<at::Tensor> DecodePackedLinear(const WeightFiles& files, const std::string& module,
                                              const LinearLayer& layer, const QuantConfig& quant,
                                              at::ScalarType dtype) {
  const absl::StatusOr<PackedLinear> linear = ReadPackedLinear(files, module, layer, quant);
  if (!linear.ok()) return linear.status();
  absl::StatusOr<at::Tensor> weight = Decode(*linear, dtype);
  if (!weight.ok()) return Named(weight.status(), files, module);
  return weight;
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
