#include "runner/checkpoint/gptq.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/checkpoint/levels.h"
#include "runner/checkpoint/packed_weight.h"

namespace forensics::runner {
namespace {

// Outputs of one piece of work: as wide as a cache line of packed words.
constexpr int64_t kBlockOutputs = 16;

struct Packed {
  const int32_t* qweight;  // [words, outputs]
  const int32_t* qzeros;   // [groups, outputs / 8]
  const float* scales;     // [groups, outputs]
  const int32_t* g_idx;    // [words * 8]
  int zero_offset;
  int64_t words;  // of an output
  int64_t outputs;
  int64_t groups;
};

int ZeroOf(const Packed& packed, int64_t group, int64_t output) {
  const auto word =
      static_cast<uint32_t>(packed.qzeros[(group * packed.outputs + output) / kNibblesPerWord]);
  const auto nibble = static_cast<int>((word >> (4 * (output % kNibblesPerWord))) & 15);
  return nibble + packed.zero_offset;
}

// Decodes one output, whose packed words lie `stride` words apart. `levels` has room for the
// sixteen values of every group.
template <typename T>
void DecodeOutput(const Packed& packed, int64_t output, const uint32_t* words, int64_t stride,
                  T* levels, T* row) {
  for (int64_t group = 0; group < packed.groups; ++group) {
    FillLevels(packed.scales[group * packed.outputs + output], ZeroOf(packed, group, output),
               levels + group * kLevels);
  }
  for (int64_t w = 0; w < packed.words; ++w) {
    uint32_t word = words[w * stride];
    for (int64_t i = w * kNibblesPerWord; i < (w + 1) * kNibblesPerWord; ++i) {
      row[i] = levels[packed.g_idx[i] * kLevels + static_cast<int32_t>(word & 15)];
      word >>= 4;
    }
  }
}

// Decodes the outputs [begin, end), at most kBlockOutputs.
template <typename T>
void DecodeBlock(const Packed& packed, int64_t begin, int64_t end, std::vector<uint32_t>& words,
                 std::vector<T>& levels, T* weight) {
  // Read once by cache lines: an output's own words lie a whole row apart from one another.
  for (int64_t w = 0; w < packed.words; ++w) {
    std::copy(packed.qweight + w * packed.outputs + begin,
              packed.qweight + w * packed.outputs + end, words.begin() + w * kBlockOutputs);
  }
  for (int64_t output = begin; output < end; ++output) {
    DecodeOutput(packed, output, words.data() + (output - begin), kBlockOutputs, levels.data(),
                 weight + output * packed.words * kNibblesPerWord);
  }
}

template <typename T>
void Decode(const Packed& packed, T* weight) {
  const int64_t blocks = (packed.outputs + kBlockOutputs - 1) / kBlockOutputs;
  at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
    std::vector<uint32_t> words(static_cast<size_t>(packed.words * kBlockOutputs));
    std::vector<T> levels(static_cast<size_t>(packed.groups * kLevels));
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kBlockOutputs;
      DecodeBlock(packed, begin, std::min(begin + kBlockOutputs, packed.outputs), words, levels,
                  weight);
    }
  });
}

absl::Status CheckGroups(const at::Tensor& g_idx, int64_t groups) {
  const at::Tensor in_a_row = g_idx.contiguous();
  const auto* begin = in_a_row.const_data_ptr<int32_t>();
  const auto* end = begin + in_a_row.numel();
  const auto* wrong =
      std::find_if(begin, end, [groups](int32_t group) { return group < 0 || group >= groups; });
  if (wrong == end) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("gptq: g_idx[", wrong - begin,
                                                 "]: expected a group from 0 to ", groups - 1,
                                                 ", found ", *wrong));
}

absl::Status CheckShapes(const GptqTensors& tensors) {
  const auto& [qweight, qzeros, scales, g_idx] = tensors;
  if (qweight.dim() != 2 || qzeros.dim() != 2 || qzeros.size(0) == 0 ||
      qweight.size(1) % kNibblesPerWord != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "gptq: expected qweight [in / 8, out] and qzeros [groups, out / 8], found [",
        absl::StrJoin(qweight.sizes(), ", "), "] and [", absl::StrJoin(qzeros.sizes(), ", "), "]"));
  }
  const int64_t words = qweight.size(0);
  const int64_t out = qweight.size(1);
  const int64_t groups = qzeros.size(0);
  absl::Status status = CheckOperand("gptq", "qweight", qweight, {at::kInt}, {words, out});
  status.Update(
      CheckOperand("gptq", "qzeros", qzeros, {at::kInt}, {groups, out / kNibblesPerWord}));
  status.Update(CheckOperand("gptq", "scales", scales, {at::kHalf, at::kBFloat16, at::kFloat},
                             {groups, out}));
  status.Update(CheckOperand("gptq", "g_idx", g_idx, {at::kInt}, {words * kNibblesPerWord}));
  return status;
}

}  // namespace

absl::Status CheckGptq(const GptqTensors& tensors) {
  if (absl::Status status = CheckShapes(tensors); !status.ok()) return status;
  return CheckGroups(tensors.g_idx, tensors.qzeros.size(0));
}

absl::StatusOr<at::Tensor> DecodeGptq(const GptqTensors& tensors, int zero_offset,
                                      at::ScalarType dtype) {
  if (absl::Status status = CheckGptq(tensors); !status.ok()) return status;
  const at::Tensor qweight = tensors.qweight.contiguous();
  const at::Tensor qzeros = tensors.qzeros.contiguous();
  const at::Tensor scales = tensors.scales.to(at::kFloat).contiguous();
  const at::Tensor g_idx = tensors.g_idx.contiguous();
  const Packed packed = {qweight.const_data_ptr<int32_t>(),
                         qzeros.const_data_ptr<int32_t>(),
                         scales.const_data_ptr<float>(),
                         g_idx.const_data_ptr<int32_t>(),
                         zero_offset,
                         qweight.size(0),
                         qweight.size(1),
                         qzeros.size(0)};
  return DecodeTo("gptq", dtype, packed.outputs, g_idx.numel(),
                  [&packed](auto* weight) { Decode(packed, weight); });
}

}  // namespace forensics::runner
