#include "testdata/synthesis/fill.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

namespace forensics::synthesis {
namespace {

constexpr int64_t kWordBytes = 8;
constexpr uint64_t kEveryNibble = 0x1111111111111111;
constexpr uint64_t kEverySecondNibble = 0x0101010101010101;

// word_at(n) gives the tensor's bytes [8 n, 8 n + 8).
template <typename WordAt>
Fill Words(WordAt word_at) {
  return [word_at](int64_t begin, int64_t end, char* out) {
    const int64_t last = end / kWordBytes;
    for (int64_t n = begin / kWordBytes; n < last; ++n, out += kWordBytes) {
      const uint64_t word = word_at(static_cast<uint64_t>(n));
      std::memcpy(out, &word, kWordBytes);
    }
    const uint64_t word = word_at(static_cast<uint64_t>(last));
    std::memcpy(out, &word, static_cast<size_t>(end % kWordBytes));
  };
}

// value_at(element, random32) gives an element before it is rounded to T.
template <typename T, typename ValueAt>
Fill Elements(RandomBits bits, ValueAt value_at) {
  return Words([bits, value_at](uint64_t n) {
    constexpr uint64_t kElements = kWordBytes / sizeof(T);
    T values[kElements];
    for (uint64_t i = 0; i < kElements; i += 2) {
      const uint64_t element = n * kElements + i;
      const uint64_t random = bits(element / 2);
      values[i] = static_cast<T>(value_at(element, static_cast<uint32_t>(random)));
      values[i + 1] = static_cast<T>(value_at(element + 1, static_cast<uint32_t>(random >> 32)));
    }
    uint64_t word;
    std::memcpy(&word, values, kWordBytes);
    return word;
  });
}

template <typename ValueAt>
Fill ElementsOf(Float format, RandomBits bits, ValueAt value_at) {
  switch (format) {
    case Float::kFloat32:
      return Elements<float>(bits, value_at);
    case Float::kFloat16:
      return Elements<c10::Half>(bits, value_at);
    case Float::kBfloat16:
      return Elements<c10::BFloat16>(bits, value_at);
  }
  return {};
}

// The sum of two uniform 16-bit numbers about its mean; the root of its variance is kBellDeviation.
float Bell(uint32_t random) {
  return static_cast<float>(static_cast<int32_t>((random & 0xffff) + (random >> 16)) - 65535);
}
constexpr double kBellDeviation = 26754.960;  // sqrt((2^32 - 1) / 6)

// In the lowest bit of every nibble, whether all of its bits are set.
uint64_t FullNibbles(uint64_t word) {
  return word & (word >> 1) & (word >> 2) & (word >> 3) & kEveryNibble;
}

}  // namespace

Fill UniformLevels(RandomBits bits) { return Words(bits); }

Fill SymmetricLevels(RandomBits bits) {
  return Words([bits](uint64_t n) {
    const uint64_t word = bits(n);
    return word | (FullNibbles(~word) << 3);
  });
}

Fill Nf4Codes(RandomBits bits) {
  return Words([bits](uint64_t n) {
    const uint64_t word = bits(n);
    const uint64_t full = FullNibbles(word) & kEverySecondNibble;
    return word ^ (full | (full << 2));
  });
}

Fill ZeroPoints(RandomBits bits) {
  return Words([bits](uint64_t n) { return (bits(n) & (3 * kEveryNibble)) + 6 * kEveryNibble; });
}

Fill RepeatedWord(uint64_t word) {
  return Words([word](uint64_t) { return word; });
}

Fill GroupIndices(int64_t group) {
  return Words([group = static_cast<uint64_t>(group)](uint64_t n) {
    return (2 * n) / group | ((2 * n + 1) / group) << 32;
  });
}

Fill Literal(std::string bytes) {
  return [bytes = std::move(bytes)](int64_t begin, int64_t end, char* out) {
    std::copy(bytes.begin() + begin, bytes.begin() + end, out);
  };
}

Fill BellShaped(RandomBits bits, Float format, double mean, double deviation) {
  const auto step = static_cast<float>(deviation / kBellDeviation);
  const auto centre = static_cast<float>(mean);
  return ElementsOf(format, bits, [step, centre](uint64_t, uint32_t random) {
    return centre + step * Bell(random);
  });
}

Fill BellShapedRows(RandomBits bits, RandomBits factors, Float format, int64_t columns,
                    double deviation) {
  const auto step = static_cast<float>(deviation / kBellDeviation);
  const auto width = static_cast<uint64_t>(columns);
  return ElementsOf(format, bits, [=](uint64_t element, uint32_t random) {
    const auto place = static_cast<float>(factors(element / width) >> 48);  // [0, 65535]
    return step * (0.8f + place * (0.4f / 65535)) * Bell(random);
  });
}

Fill Uniform(RandomBits bits, double low, double high) {
  const auto begin = static_cast<float>(low);
  const auto step = static_cast<float>((high - low) / 65535);
  return Elements<float>(bits, [begin, step](uint64_t, uint32_t random) {
    return begin + step * static_cast<float>(random >> 16);
  });
}

Fill SkewedScales(RandomBits bits, Float format, double root_mean_square) {
  // x^2 with x uniform in [0.6, 1.4], whose mean square is (1.4^5 - 0.6^5) / (5 * 0.8).
  const auto unit = static_cast<float>(root_mean_square / std::sqrt(1.32512));
  return ElementsOf(format, bits, [unit](uint64_t, uint32_t random) {
    const float x = 0.6f + static_cast<float>(random >> 16) * (0.8f / 65535);
    return unit * (x * x);
  });
}

}  // namespace forensics::synthesis
