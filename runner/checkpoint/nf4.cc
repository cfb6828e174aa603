#include "runner/checkpoint/nf4.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_format.h"
#include "runner/checkpoint/json_fields.h"
#include "runner/checkpoint/json_object.h"
#include "runner/checkpoint/levels.h"
#include "runner/checkpoint/packed_weight.h"

namespace forensics::runner {
namespace {

// Far above every published matrix; their product and its bytes cannot overflow.
constexpr int64_t kMaxSize = int64_t{1} << 24;
constexpr int64_t kMaxBlock = int64_t{1} << 16;
// Blocks of one piece of work.
constexpr int64_t kGrain = 256;

// Nibbles share bytes, so a block must not end within one.
int64_t ReadBlockSize(JsonFields& fields, const char* name) {
  const int64_t size = fields.Int(name, 2, kMaxBlock);
  if (size % 2 != 0) fields.Refuse(name, "an even number");
  return size;
}

std::optional<Nf4Layout::Nested> ReadNested(JsonFields& fields) {
  if (!fields.Has("nested_blocksize") && !fields.Has("nested_offset")) return std::nullopt;
  constexpr double kMaxFloat = 3.4028234663852886e38;
  Nf4Layout::Nested nested;
  nested.block_size = ReadBlockSize(fields, "nested_blocksize");
  nested.offset = static_cast<float>(fields.Double("nested_offset", -kMaxFloat, kMaxFloat));
  if (fields.String("nested_dtype", "float32") != "float32") {
    fields.Refuse("nested_dtype", "\"float32\"");
  }
  return nested;
}

// The largest magnitude of every block.
std::vector<float> Magnitudes(const Nf4Tensors& tensors, const Nf4Layout& layout) {
  const at::Tensor absmax = tensors.absmax.contiguous();
  const auto blocks = static_cast<size_t>(layout.blocks());
  if (!layout.nested.has_value()) {
    const auto* values = absmax.const_data_ptr<float>();
    return {values, values + blocks};
  }
  const at::Tensor nested_map = tensors.nested_quant_map.contiguous();
  const at::Tensor nested_absmax = tensors.nested_absmax.contiguous();
  const auto* codes = absmax.const_data_ptr<uint8_t>();
  const auto* map = nested_map.const_data_ptr<float>();
  const auto* scales = nested_absmax.const_data_ptr<float>();
  std::vector<float> magnitudes(blocks);
  for (size_t block = 0; block < blocks; ++block) {
    const float scale = scales[static_cast<int64_t>(block) / layout.nested->block_size];
    const float scaled = map[codes[block]] * scale;
    magnitudes[block] = scaled + layout.nested->offset;
  }
  return magnitudes;
}

struct Packed {
  const uint8_t* bytes;  // two weights each
  const float* map;      // [16]
  const float* magnitudes;
  int64_t weights;
  int64_t block_size;
};

template <typename T>
void DecodeBlock(const Packed& packed, int64_t block, T* weight) {
  Levels<float> exact;
#pragma omp simd
  for (int q = 0; q < kLevels; ++q) exact.of_nibble[q] = packed.map[q] * packed.magnitudes[block];
  Levels<T> levels;
  RoundLevels(exact, levels.of_nibble);
  const int64_t begin = block * packed.block_size;
  const int64_t end = std::min(begin + packed.block_size, packed.weights);
  const uint8_t* bytes = packed.bytes + begin / 2;
  int64_t i = begin;
  for (; i + 1 < end; i += 2, ++bytes) {
    weight[i] = levels.of_nibble[*bytes >> 4];
    weight[i + 1] = levels.of_nibble[*bytes & 15];
  }
  if (i < end) weight[i] = levels.of_nibble[*bytes >> 4];
}

template <typename T>
void Decode(const Packed& packed, T* weight) {
  const int64_t blocks = (packed.weights + packed.block_size - 1) / packed.block_size;
  at::parallel_for(0, blocks, kGrain, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) DecodeBlock(packed, block, weight);
  });
}

absl::Status CheckShapes(const Nf4Tensors& tensors, const Nf4Layout& layout) {
  const bool nested = layout.nested.has_value();
  absl::Status status =
      CheckOperand("nf4", "weight", tensors.weight, {at::kByte}, {layout.bytes(), 1});
  status.Update(CheckOperand("nf4", "absmax", tensors.absmax, {nested ? at::kByte : at::kFloat},
                             {layout.blocks()}));
  status.Update(CheckOperand("nf4", "quant_map", tensors.quant_map, {at::kFloat}, {kLevels}));
  if (!nested) return status;
  status.Update(CheckOperand("nf4", "nested_absmax", tensors.nested_absmax, {at::kFloat},
                             {layout.nested_blocks()}));
  status.Update(CheckOperand("nf4", "nested_quant_map", tensors.nested_quant_map, {at::kFloat},
                             {kNf4NestedLevels}));
  return status;
}

}  // namespace

absl::StatusOr<Nf4Layout> ParseNf4Layout(absl::string_view json, absl::string_view origin) {
  const auto document = ParseJsonObject(json, origin);
  if (!document.ok()) return document.status();
  JsonFields fields(*document, origin);
  Nf4Layout layout;
  if (fields.String("quant_type") != "nf4") fields.Refuse("quant_type", "\"nf4\"");
  layout.block_size = ReadBlockSize(fields, "blocksize");
  const std::vector<int64_t> shape = fields.Ints("shape", 1, kMaxSize);
  if (shape.size() == 2) {
    layout.out_features = shape[0];
    layout.in_features = shape[1];
  } else {
    fields.Refuse("shape", "two integers");
  }
  layout.nested = ReadNested(fields);
  if (!fields.status().ok()) return fields.status();
  return layout;
}

std::string Nf4LayoutJson(const Nf4Layout& layout) {
  return absl::StrFormat(
      R"({"quant_type": "nf4", "blocksize": %d, "dtype": "bfloat16", "shape": [%d, %d], )"
      R"("nested_blocksize": %d, "nested_dtype": "float32", "nested_offset": %.17g})",
      layout.block_size, layout.out_features, layout.in_features, layout.nested->block_size,
      layout.nested->offset);
}

// Seven decades with 1 to 64 values each of either sign, evenly spaced between a tenth of the
// decade and the whole; then 0 and 1.
std::array<float, kNf4NestedLevels> Nf4NestedValues() {
  std::array<float, kNf4NestedLevels> values = {};
  size_t count = 0;
  double decade = 1e-6;
  for (int items = 1; items <= 64; items *= 2, decade *= 10) {
    for (int i = 0; i < items; ++i) {
      const double mean = 0.1 + 0.9 * (i + 0.5) / items;
      values[count++] = static_cast<float>(decade * mean);
      values[count++] = static_cast<float>(-decade * mean);
    }
  }
  values[count++] = 0;
  values[count++] = 1;
  std::sort(values.begin(), values.end());
  return values;
}

absl::StatusOr<at::Tensor> DecodeNf4(const Nf4Tensors& tensors, const Nf4Layout& layout,
                                     at::ScalarType dtype) {
  if (absl::Status status = CheckShapes(tensors, layout); !status.ok()) return status;
  const at::Tensor bytes = tensors.weight.contiguous();
  const at::Tensor map = tensors.quant_map.contiguous();
  const std::vector<float> magnitudes = Magnitudes(tensors, layout);
  const Packed packed = {bytes.const_data_ptr<uint8_t>(), map.const_data_ptr<float>(),
                         magnitudes.data(), layout.weights(), layout.block_size};
  return DecodeTo("nf4", dtype, layout.out_features, layout.in_features,
                  [&packed](auto* weight) { Decode(packed, weight); });
}

}  // namespace forensics::runner
