#include "testdata/synthesis/tensor_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "runner/checkpoint/nf4.h"
#include "runner/checkpoint/tensor_registry.h"
#include "testdata/synthesis/random_bits.h"
#include "testdata/synthesis/weight_scale.h"

namespace forensics::synthesis {
namespace {

using runner::ExpectedTensor;
using runner::LinearLayer;
using runner::ModelConfig;
using runner::QuantMethod;
using runner::Storage;
using runner::TensorRegistry;

constexpr absl::string_view kRouter = ".mlp.gate";
// Levels 0 to 15 about zero points of 6 to 9: (16^2 - 1) / 12 and (4^2 - 1) / 12.
constexpr double kAwqLevelVariance = 21.25 + 1.25;

// Magnitudes of NF4's blocks: mean * (1 + kNf4Nested * f * value), where value is one of
// Nf4NestedValues, each as likely, and f differs by nested block, uniform in [0.75, 1.25].
constexpr double kNf4Nested = 0.5;
constexpr double kNf4NestedLow = 0.75, kNf4NestedHigh = 1.25;

template <size_t size>
double MeanSquare(const std::array<float, size>& values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return sum / size;
}

// Root mean square of NF4's weights for magnitudes of mean 1.
double Nf4Unit() {
  // In every second place 1 is replaced: fill.h, Nf4Codes.
  const double replaced = 1 - static_cast<double>(runner::kNf4Values[10]) * runner::kNf4Values[10];
  const double codes = MeanSquare(runner::kNf4Values) - replaced / 2 / runner::kNf4Values.size();
  const double factors =
      1 + (kNf4NestedHigh - kNf4NestedLow) * (kNf4NestedHigh - kNf4NestedLow) / 12;
  const double magnitudes =
      1 + kNf4Nested * kNf4Nested * factors * MeanSquare(runner::Nf4NestedValues());
  return std::sqrt(codes * magnitudes);
}

template <typename Values>
Fill LiteralFloats(const Values& values) {
  std::string bytes(values.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return Literal(std::move(bytes));
}

struct Stored {
  Float format;
  const char* dtype;
  int64_t bytes;
};

Stored StoredAs(absl::string_view torch_dtype) {
  if (torch_dtype == "float16") return {Float::kFloat16, "F16", 2};
  if (torch_dtype == "float32") return {Float::kFloat32, "F32", 4};
  return {Float::kBfloat16, "BF16", 2};
}
constexpr Stored kScalesStored = {Float::kFloat16, "F16", 2};

class Planner {
 public:
  Planner(const ModelConfig& config, const TensorRegistry& registry, uint64_t seed)
      : config_(config),
        registry_(registry),
        seed_(seed),
        unquantised_(StoredAs(config.torch_dtype)) {}

  PlannedTensor Plan(const std::string& name, const ExpectedTensor& expected) {
    tensor_ = PlannedTensor();
    tensor_.name = name;
    tensor_.shape = expected.shape;
    if (!PlanPacked()) PlanUnquantised();
    tensor_.bytes = tensor_.item_bytes;
    for (const int64_t size : tensor_.shape) tensor_.bytes *= size;
    return std::move(tensor_);
  }

 private:
  RandomBits Bits(uint64_t stream = 0) const { return RandomBits(seed_, tensor_.name, stream); }

  void Store(const char* dtype, int64_t item_bytes, Fill fill) {
    tensor_.dtype = dtype;
    tensor_.item_bytes = item_bytes;
    tensor_.fill = std::move(fill);
  }

  // Whether the tensor is `suffix` of a packed layer, which is then layer_.
  bool IsPart(absl::string_view suffix) {
    if (!absl::EndsWith(tensor_.name, suffix)) return false;
    layer_name_ = std::string(absl::StripSuffix(tensor_.name, suffix));
    const auto found = registry_.linear_layers.find(layer_name_);
    if (found == registry_.linear_layers.end() || !found->second.packed) return false;
    layer_ = &found->second;
    return true;
  }

  double LayerScale() const { return LinearScale(config_, layer_name_, *layer_); }

  // Plans a part of a packed layer; false if the tensor is none.
  bool PlanPacked() {
    switch (config_.quant.method) {
      case QuantMethod::kNone:
        return false;
      case QuantMethod::kAwq:
      case QuantMethod::kGptq:
        return PlanIntegers(config_.quant.method == QuantMethod::kAwq);
      case QuantMethod::kBnbNf4:
        return PlanNf4();
    }
    return false;
  }

  bool PlanIntegers(bool awq) {
    if (IsPart(".qweight")) {
      Store("I32", 4, awq ? UniformLevels(Bits()) : SymmetricLevels(Bits()));
    } else if (IsPart(".qzeros")) {
      Store("I32", 4, awq ? ZeroPoints(Bits()) : RepeatedWord(GptqZeros()));
    } else if (IsPart(".scales")) {
      const double levels = std::sqrt(awq ? kAwqLevelVariance : kSymmetricLevelVariance);
      Store(kScalesStored.dtype, kScalesStored.bytes,
            SkewedScales(Bits(), kScalesStored.format, LayerScale() / levels));
    } else if (IsPart(".g_idx")) {
      const int64_t group = config_.quant.group_size;
      Store("I32", 4, GroupIndices(group == -1 ? layer_->in_features : group));
    } else {
      return false;
    }
    return true;
  }

  // Zero points of 8 in every nibble, as the format's version stores them.
  uint64_t GptqZeros() const {
    return 0x1111111111111111 * static_cast<uint64_t>(8 - config_.quant.gptq_zero_offset);
  }

  bool PlanNf4() {
    if (IsPart(".weight.nested_absmax")) {
      const double nested = kNf4Nested * MeanMagnitude();
      Store("F32", 4, Uniform(Bits(), kNf4NestedLow * nested, kNf4NestedHigh * nested));
    } else if (IsPart(".weight.nested_quant_map")) {
      Store("F32", 4, LiteralFloats(runner::Nf4NestedValues()));
    } else if (IsPart(".weight.quant_map")) {
      Store("F32", 4, LiteralFloats(runner::kNf4Values));
    } else if (IsPart(".weight.absmax")) {
      Store("U8", 1, UniformLevels(Bits()));
    } else if (IsPart(runner::kNf4LayoutSuffix)) {
      PlanNf4Layout();
    } else if (IsPart(".weight")) {
      Store("U8", 1, Nf4Codes(Bits()));
    } else {
      return false;
    }
    return true;
  }

  double MeanMagnitude() const {
    static const double unit = Nf4Unit();
    return LayerScale() / unit;
  }

  void PlanNf4Layout() {
    runner::Nf4Layout layout = *layer_->nf4;
    layout.out_features = layer_->out_features;
    layout.in_features = layer_->in_features;
    layout.nested->offset = static_cast<float>(MeanMagnitude());
    std::string json = runner::Nf4LayoutJson(layout);
    tensor_.shape = {static_cast<int64_t>(json.size())};
    Store("U8", 1, Literal(std::move(json)));
  }

  void PlanUnquantised() { Store(unquantised_.dtype, unquantised_.bytes, UnquantisedFill()); }

  Fill UnquantisedFill() const {
    const Float format = unquantised_.format;
    if (tensor_.name == runner::kEmbedding) {
      return BellShaped(Bits(), format, 0, ResidualScale(config_));
    }
    const auto found = registry_.linear_layers.find(absl::StripSuffix(tensor_.name, ".weight"));
    if (found == registry_.linear_layers.end()) {
      const Spread spread = VectorSpread(tensor_.name);
      return BellShaped(Bits(), format, spread.mean, spread.deviation);
    }
    const double scale = LinearScale(config_, found->first, found->second);
    // Experts whose router weights are larger are chosen more often.
    if (absl::EndsWith(found->first, kRouter)) {
      return BellShapedRows(Bits(), Bits(1), format, found->second.in_features, scale);
    }
    return BellShaped(Bits(), format, 0, scale);
  }

  const ModelConfig& config_;
  const TensorRegistry& registry_;
  const uint64_t seed_;
  const Stored unquantised_;
  PlannedTensor tensor_;
  std::string layer_name_;
  const LinearLayer* layer_ = nullptr;
};

// bitsandbytes packs every linear layer but the head, GPTQ's writers leave the router.
bool IsStored(const ModelConfig& config, absl::string_view name) {
  return config.quant.method == QuantMethod::kBnbNf4 &&
         absl::EndsWith(name, absl::StrCat(kRouter, runner::kNf4LayoutSuffix));
}

// The place of a tensor in the model: part, layer, name.
std::tuple<int, int64_t, absl::string_view> ModelOrder(const PlannedTensor& tensor) {
  absl::string_view rest = tensor.name;
  if (rest == runner::kEmbedding) return {0, 0, rest};
  int64_t layer = 0;
  if (absl::ConsumePrefix(&rest, "model.layers.") &&
      absl::SimpleAtoi(rest.substr(0, rest.find('.')), &layer)) {
    return {1, layer, tensor.name};
  }
  return {2, 0, tensor.name};
}

}  // namespace

absl::StatusOr<std::vector<PlannedTensor>> PlanTensors(const ModelConfig& config, uint64_t seed) {
  const auto registry = runner::BuildTensorRegistry(
      config, [&config](absl::string_view name) { return IsStored(config, name); });
  if (!registry.ok()) return registry.status();
  Planner planner(config, *registry, seed);
  std::vector<PlannedTensor> tensors;
  tensors.reserve(registry->tensors.size());
  for (const auto& [name, expected] : registry->tensors) {
    tensors.push_back(planner.Plan(name, expected));
  }
  std::sort(tensors.begin(), tensors.end(), [](const PlannedTensor& a, const PlannedTensor& b) {
    return ModelOrder(a) < ModelOrder(b);
  });
  return tensors;
}

}  // namespace forensics::synthesis
