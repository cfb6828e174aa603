#include "runner/checkpoint/awq.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace forensics::runner {
namespace {

constexpr int64_t kOutputsPerWord = 8;
constexpr int64_t kLevels = 16;  // values of a 4-bit integer
// A tile is as wide as a cache line of packed words, so that each line is read once, and as long as
// keeps the 128 rows that it writes to in the first-level cache.
constexpr int64_t kTileWords = 16;
constexpr int64_t kTileInputs = 64;

struct Packed {
  const int32_t* qweight;  // [inputs, words]
  const int32_t* qzeros;   // [groups, words]
  const float* scales;     // [groups, words * 8]
  int64_t inputs;
  int64_t words;
  int64_t groups;
  int64_t group_size() const { return inputs / groups; }
};

// The sixteen values that the weights of one output in one group can take.
template <typename T>
void FillLevels(float scale, int zero, T* levels) {
  for (int q = 0; q < kLevels; ++q) {
    levels[q] = static_cast<T>(static_cast<float>(q - zero) * scale);
  }
}

// Decodes words [first_word, last_word) of one group: up to 128 rows of `weight` [outputs, inputs].
template <typename T>
void DecodeBlock(const Packed& packed, int64_t group, int64_t first_word, int64_t last_word,
                 T* weight) {
  T levels[kTileWords][kOutputsPerWord][kLevels];
  for (int64_t word = first_word; word < last_word; ++word) {
    const auto zeros = static_cast<uint32_t>(packed.qzeros[group * packed.words + word]);
    for (int nibble = 0; nibble < kOutputsPerWord; ++nibble) {
      const int64_t output = word * kOutputsPerWord + kAwqOrder[nibble];
      FillLevels(packed.scales[group * packed.words * kOutputsPerWord + output],
                 static_cast<int>((zeros >> (4 * nibble)) & 15), levels[word - first_word][nibble]);
    }
  }
  const int64_t group_end = (group + 1) * packed.group_size();
  for (int64_t begin = group * packed.group_size(); begin < group_end; begin += kTileInputs) {
    const int64_t count = std::min(kTileInputs, group_end - begin);
    for (int64_t word = first_word; word < last_word; ++word) {
      uint32_t column[kTileInputs];
      for (int64_t i = 0; i < count; ++i) {
        column[i] = static_cast<uint32_t>(packed.qweight[(begin + i) * packed.words + word]);
      }
      for (int nibble = 0; nibble < kOutputsPerWord; ++nibble) {
        const T* const level = levels[word - first_word][nibble];
        T* const row =
            weight + (word * kOutputsPerWord + kAwqOrder[nibble]) * packed.inputs + begin;
        for (int64_t i = 0; i < count; ++i) row[i] = level[(column[i] >> (4 * nibble)) & 15];
      }
    }
  }
}

template <typename T>
void Decode(const Packed& packed, T* weight) {
  const int64_t tiles = (packed.words + kTileWords - 1) / kTileWords;
  at::parallel_for(0, tiles * packed.groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t word = block / packed.groups * kTileWords;
      DecodeBlock(packed, block % packed.groups, word, std::min(word + kTileWords, packed.words),
                  weight);
    }
  });
}

absl::Status CheckOperand(const at::Tensor& tensor, const char* name, bool dtype_fits,
                          std::initializer_list<int64_t> shape) {
  if (dtype_fits && tensor.sizes() == at::IntArrayRef(shape)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "awq: ", name, ": expected [", absl::StrJoin(shape, ", "), "], found ",
      c10::toString(tensor.scalar_type()), " [", absl::StrJoin(tensor.sizes(), ", "), "]"));
}

absl::Status CheckOperands(const at::Tensor& qweight, const at::Tensor& qzeros,
                           const at::Tensor& scales) {
  if (qweight.dim() != 2 || qzeros.dim() != 2 || qzeros.size(0) == 0 ||
      qweight.size(0) % qzeros.size(0) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "awq: expected qweight [in, out / 8] and qzeros [groups, out / 8] with in a multiple of "
        "groups, found [",
        absl::StrJoin(qweight.sizes(), ", "), "] and [", absl::StrJoin(qzeros.sizes(), ", "), "]"));
  }
  const int64_t groups = qzeros.size(0);
  const int64_t words = qweight.size(1);
  absl::Status status = CheckOperand(qweight, "qweight (int32)", qweight.scalar_type() == at::kInt,
                                     {qweight.size(0), words});
  status.Update(
      CheckOperand(qzeros, "qzeros (int32)", qzeros.scalar_type() == at::kInt, {groups, words}));
  const at::ScalarType scale = scales.scalar_type();
  status.Update(CheckOperand(scales, "scales (float16, bfloat16 or float32)",
                             scale == at::kHalf || scale == at::kBFloat16 || scale == at::kFloat,
                             {groups, words * kOutputsPerWord}));
  return status;
}

}  // namespace

absl::StatusOr<at::Tensor> DecodeAwq(const at::Tensor& qweight, const at::Tensor& qzeros,
                                     const at::Tensor& scales, at::ScalarType dtype) {
  if (absl::Status status = CheckOperands(qweight, qzeros, scales); !status.ok()) return status;
  const at::Tensor words = qweight.contiguous();
  const at::Tensor zeros = qzeros.contiguous();
  const at::Tensor floats = scales.to(at::kFloat).contiguous();
  const Packed packed = {words.const_data_ptr<int32_t>(),
                         zeros.const_data_ptr<int32_t>(),
                         floats.const_data_ptr<float>(),
                         qweight.size(0),
                         qweight.size(1),
                         qzeros.size(0)};
  at::Tensor weight =
      at::empty({packed.words * kOutputsPerWord, packed.inputs}, at::TensorOptions().dtype(dtype));
  switch (dtype) {
    case at::kFloat:
      Decode(packed, weight.mutable_data_ptr<float>());
      return weight;
    case at::kHalf:
      Decode(packed, weight.mutable_data_ptr<at::Half>());
      return weight;
    case at::kBFloat16:
      Decode(packed, weight.mutable_data_ptr<at::BFloat16>());
      return weight;
    default:
      return absl::InvalidArgumentError(
          absl::StrCat("awq: cannot decode to ", c10::toString(dtype)));
  }
}

}  // namespace forensics::runner
