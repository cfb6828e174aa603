#include "runner/checkpoint/awq.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <type_traits>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runner/checkpoint/levels.h"
#include "runner/checkpoint/packed_weight.h"

namespace forensics::runner {
namespace {

constexpr int64_t kOutputsPerWord = kNibblesPerWord;
// A tile: four words of each of 64 rows of packed words, which become 64 elements, one or more
// whole cache lines, of each of 32 rows of the weight.
constexpr int64_t kTileWords = 4;
constexpr int64_t kTileInputs = 64;
constexpr int64_t kTileBytes = kTileWords * 4;
constexpr int64_t kTileOutputs = kTileWords * kOutputsPerWord;
// Tiles of one piece of work: together as wide as a cache line of packed words.
constexpr int64_t kTilesPerBlock = 4;

struct Packed {
  const int32_t* qweight;  // [inputs, words]
  const int32_t* qzeros;   // [groups, words]
  const float* scales;     // [groups, words * 8]
  int64_t inputs;
  int64_t words;
  int64_t groups;
  int64_t group_size() const { return inputs / groups; }
};

// Bytes of a tile, each two nibbles, by their place in a row of packed words.
struct TileBytes {
  alignas(64) uint8_t of_byte[kTileBytes][kTileInputs];
};

int64_t OutputOf(int64_t word, int64_t nibble) {
  return word * kOutputsPerWord + kAwqOrder[static_cast<size_t>(nibble)];
}

// Transposes `inputs` rows of `words` packed words, the rows `stride` words apart.
void Transpose(const int32_t* packed, int64_t stride, int64_t inputs, int64_t words,
               TileBytes& tile) {
  for (int64_t i = 0; i < inputs; ++i) {
    for (int64_t w = 0; w < words; ++w) {
      const auto word = static_cast<uint32_t>(packed[i * stride + w]);
      for (int64_t b = 0; b < 4; ++b) {
        tile.of_byte[4 * w + b][i] = static_cast<uint8_t>(word >> (8 * b));
      }
    }
  }
}

// row[i] = the level of the low or (shift 4) high nibble of bytes[i].
template <typename T>
void LookUp(const uint8_t* bytes, int shift, const Levels<T>& levels, int64_t count, T* row) {
  for (int64_t i = 0; i < count; ++i) row[i] = levels.of_nibble[(bytes[i] >> shift) & 15];
}

#ifdef __x86_64__

// Transpose of a whole tile, sixteen inputs at a time. Interleaving the rows i and i + 8 moves the
// highest bit of the row's number to the lowest of the column's; four rounds swap the two.
void TransposeWholeTile(const int32_t* packed, int64_t stride, TileBytes& tile) {
  for (int64_t begin = 0; begin < kTileInputs; begin += 16) {
    __m128i rows[16];
    for (int64_t i = 0; i < 16; ++i) {
      rows[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(packed + (begin + i) * stride));
    }
    for (int round = 0; round < 4; ++round) {
      __m128i next[16];
      for (int i = 0; i < 8; ++i) {
        next[2 * i] = _mm_unpacklo_epi8(rows[i], rows[i + 8]);
        next[2 * i + 1] = _mm_unpackhi_epi8(rows[i], rows[i + 8]);
      }
      std::copy(std::begin(next), std::end(next), std::begin(rows));
    }
    for (int64_t b = 0; b < kTileBytes; ++b) {
      _mm_store_si128(reinterpret_cast<__m128i*>(tile.of_byte[b] + begin), rows[b]);
    }
  }
}

// Every CPU with AVX2 has F16C too.
bool IsFast() { return __builtin_cpu_supports("avx2"); }

__attribute__((target("avx2,f16c"))) void FillLevelsFast(float scale, int zero,
                                                         Levels<at::Half>& levels) {
  Levels<float> exact;
  FillLevels(scale, zero, exact.of_nibble);
  for (int q = 0; q < kLevels; q += 8) {
    _mm_store_si128(
        reinterpret_cast<__m128i*>(levels.of_nibble + q),
        _mm256_cvtps_ph(_mm256_load_ps(exact.of_nibble + q), _MM_FROUND_TO_NEAREST_INT));
  }
}

// Splits sixteen values of two or four bytes into planes: all lowest bytes, all second ones, ...
__attribute__((target("avx2,f16c"))) void SplitBytes(const __m128i* values, __m128i (&planes)[2]) {
  const __m128i mask = _mm_set1_epi16(0xff);
  const __m128i first = _mm_load_si128(values);
  const __m128i second = _mm_load_si128(values + 1);
  planes[0] = _mm_packus_epi16(_mm_and_si128(first, mask), _mm_and_si128(second, mask));
  planes[1] = _mm_packus_epi16(_mm_srli_epi16(first, 8), _mm_srli_epi16(second, 8));
}

__attribute__((target("avx2,f16c"))) void SplitBytes(const __m128i* values, __m128i (&planes)[4]) {
  const __m128i mask = _mm_set1_epi32(0xffff);
  __m128i low[2];
  __m128i high[2];
  for (int i = 0; i < 2; ++i) {
    const __m128i first = _mm_load_si128(values + 2 * i);
    const __m128i second = _mm_load_si128(values + 2 * i + 1);
    low[i] = _mm_packus_epi32(_mm_and_si128(first, mask), _mm_and_si128(second, mask));
    high[i] = _mm_packus_epi32(_mm_srli_epi32(first, 16), _mm_srli_epi32(second, 16));
  }
  __m128i half[2];
  SplitBytes(low, half);
  planes[0] = half[0];
  planes[1] = half[1];
  SplitBytes(high, half);
  planes[2] = half[0];
  planes[3] = half[1];
}

// LookUp of a whole tile's row: each byte of the values by a shuffle of its own.
template <typename T>
__attribute__((target("avx2,f16c"))) void LookUpFast(const uint8_t* bytes, int shift,
                                                     const Levels<T>& levels, T* row) {
  __m128i planes[sizeof(T)];  // byte b of all sixteen levels
  SplitBytes(reinterpret_cast<const __m128i*>(levels.of_nibble), planes);
  auto* out = reinterpret_cast<__m128i*>(row);
  for (int64_t i = 0; i < kTileInputs; i += 16) {
    const __m128i pairs = _mm_load_si128(reinterpret_cast<const __m128i*>(bytes + i));
    const __m128i nibbles = _mm_and_si128(_mm_srli_epi16(pairs, shift), _mm_set1_epi8(15));
    const __m128i b0 = _mm_shuffle_epi8(planes[0], nibbles);
    const __m128i b1 = _mm_shuffle_epi8(planes[1], nibbles);
    const __m128i low_0 = _mm_unpacklo_epi8(b0, b1);
    const __m128i low_8 = _mm_unpackhi_epi8(b0, b1);
    if constexpr (sizeof(T) == 2) {
      _mm_storeu_si128(out++, low_0);
      _mm_storeu_si128(out++, low_8);
    } else {
      const __m128i b2 = _mm_shuffle_epi8(planes[2], nibbles);
      const __m128i b3 = _mm_shuffle_epi8(planes[3], nibbles);
      const __m128i high_0 = _mm_unpacklo_epi8(b2, b3);
      const __m128i high_8 = _mm_unpackhi_epi8(b2, b3);
      _mm_storeu_si128(out++, _mm_unpacklo_epi16(low_0, high_0));
      _mm_storeu_si128(out++, _mm_unpackhi_epi16(low_0, high_0));
      _mm_storeu_si128(out++, _mm_unpacklo_epi16(low_8, high_8));
      _mm_storeu_si128(out++, _mm_unpackhi_epi16(low_8, high_8));
    }
  }
}

#else

bool IsFast() { return false; }

void FillLevelsFast(float scale, int zero, Levels<at::Half>& levels) {
  FillLevels(scale, zero, levels.of_nibble);
}

template <typename T>
void LookUpFast(const uint8_t* bytes, int shift, const Levels<T>& levels, T* row) {
  LookUp(bytes, shift, levels, kTileInputs, row);
}

void TransposeWholeTile(const int32_t* packed, int64_t stride, TileBytes& tile) {
  Transpose(packed, stride, kTileInputs, kTileWords, tile);
}

#endif

// Decodes up to four words, from `first_word` on, of one group: up to 32 rows of `weight`.
template <typename T>
void DecodeColumns(const Packed& packed, int64_t group, int64_t first_word, bool fast, T* weight) {
  const int64_t words = std::min(kTileWords, packed.words - first_word);
  Levels<T> levels[kTileOutputs];  // in the order of the nibbles
  for (int64_t nibble = 0; nibble < words * kOutputsPerWord; ++nibble) {
    const int64_t word = first_word + nibble / kOutputsPerWord;
    const auto zeros = static_cast<uint32_t>(packed.qzeros[group * packed.words + word]);
    const int64_t output = OutputOf(word, nibble % kOutputsPerWord);
    const float scale = packed.scales[group * packed.words * kOutputsPerWord + output];
    const auto zero = static_cast<int>((zeros >> (4 * (nibble % kOutputsPerWord))) & 15);
    if constexpr (std::is_same_v<T, at::Half>) {
      if (fast) {
        FillLevelsFast(scale, zero, levels[nibble]);
        continue;
      }
    }
    FillLevels(scale, zero, levels[nibble].of_nibble);
  }
  const int64_t group_end = (group + 1) * packed.group_size();
  for (int64_t begin = group * packed.group_size(); begin < group_end; begin += kTileInputs) {
    const int64_t count = std::min(kTileInputs, group_end - begin);
    const int32_t* const source = packed.qweight + begin * packed.words + first_word;
    const bool whole = count == kTileInputs && words == kTileWords;
    TileBytes tile;
    if (whole) {
      TransposeWholeTile(source, packed.words, tile);
    } else {
      Transpose(source, packed.words, count, words, tile);
    }
    for (int64_t nibble = 0; nibble < words * kOutputsPerWord; ++nibble) {
      const int64_t word = first_word + nibble / kOutputsPerWord;
      T* const row = weight + OutputOf(word, nibble % kOutputsPerWord) * packed.inputs + begin;
      const uint8_t* const bytes = tile.of_byte[nibble / 2];
      const int shift = nibble % 2 == 0 ? 0 : 4;
      if (whole && fast) {
        LookUpFast(bytes, shift, levels[nibble], row);
      } else {
        LookUp(bytes, shift, levels[nibble], count, row);
      }
    }
  }
}

template <typename T>
void Decode(const Packed& packed, T* weight) {
  constexpr int64_t kBlockWords = kTileWords * kTilesPerBlock;
  const int64_t blocks = (packed.words + kBlockWords - 1) / kBlockWords;
  const bool fast = IsFast();
  at::parallel_for(0, blocks * packed.groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block % blocks * kBlockWords;
      const int64_t last = std::min(first + kBlockWords, packed.words);
      for (int64_t word = first; word < last; word += kTileWords) {
        DecodeColumns(packed, block / blocks, word, fast, weight);
      }
    }
  });
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
  absl::Status status =
      CheckOperand("awq", "qweight", qweight, {at::kInt}, {qweight.size(0), words});
  status.Update(CheckOperand("awq", "qzeros", qzeros, {at::kInt}, {groups, words}));
  status.Update(CheckOperand("awq", "scales", scales, {at::kHalf, at::kBFloat16, at::kFloat},
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
  return DecodeTo("awq", dtype, packed.words * kOutputsPerWord, packed.inputs,
                  [&packed](auto* weight) { Decode(packed, weight); });
}

}  // namespace forensics::runner
