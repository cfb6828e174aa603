#include "runner/ops/tensor_core/special_functions.h"

#include <zlib.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include "runner/ops/tensor_core/float_bits.h"
#include "runner/ops/tensor_core/recorded_functions.h"

namespace forensics::runner {
namespace {

constexpr int kFractionBits = 23;
constexpr uint32_t kMantissas = 1u << kFractionBits;
constexpr uint32_t kNan = 0x7fffffff;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool IsZeroOrSubnormal(float x) { return (BitsOf(x) & 0x7f800000) == 0; }

// x * 2^exponent where that is a normal number; flushed to zero below, infinite beyond.
float Scale(float x, int exponent) {
  const float scaled = std::ldexp(x, exponent);
  return IsZeroOrSubnormal(scaled) ? 0.0f : scaled;
}

// 2^x for 0 <= x < 1 to within 2^-50, by nothing but IEEE operations: the same on every machine.
double Exp2Series(double x) {
  constexpr double kLn2 = 0.69314718055994530942;
  double sum = 1;
  for (int k = 18; k > 0; --k) sum = 1 + sum * (x * kLn2) / k;
  return sum;
}

std::vector<uint8_t> Decompress(const RecordedFunction& recorded, uint32_t size) {
  std::vector<uint8_t> bytes(size);
  z_stream stream = {};
  stream.next_in = const_cast<Bytef*>(recorded.gzip);
  stream.avail_in = recorded.size;
  stream.next_out = bytes.data();
  stream.avail_out = size;
  const bool is_whole = inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK &&
                        inflate(&stream, Z_FINISH) == Z_STREAM_END && stream.avail_out == 0;
  inflateEnd(&stream);
  if (!is_whole) {
    std::fprintf(stderr, "special_functions: the recorded table is damaged\n");
    std::abort();  // it is part of the program
  }
  return bytes;
}

// The recorded results of all mantissas of one interval.
class Table {
 public:
  // rounded(mantissa): the correctly rounded result of a mantissa in [1, 2).
  template <typename Rounded>
  Table(const RecordedFunction& recorded, Rounded rounded) : results_(kMantissas) {
    const std::vector<uint8_t> offsets = Decompress(recorded, kMantissas);
    for (uint32_t i = 0; i < kMantissas; ++i) {
      const float mantissa = FloatOf(0x3f800000 | i);
      results_[i] = FloatOf(BitsOf(rounded(mantissa)) + static_cast<int8_t>(offsets[i]));
    }
  }

  float operator[](uint32_t fraction) const { return results_[fraction]; }

 private:
  std::vector<float> results_;
};

// The words of all mantissas, from the differences of neighbours, in four planes of bytes.
std::vector<uint32_t> SumOfDifferences(const RecordedFunction& recorded) {
  const std::vector<uint8_t> planes = Decompress(recorded, 4 * kMantissas);
  std::vector<uint32_t> words(kMantissas);
  uint32_t word = 0;
  for (uint32_t i = 0; i < kMantissas; ++i) {
    for (uint32_t k = 0; k < 4; ++k) word += uint32_t{planes[k * kMantissas + i]} << 8 * k;
    words[i] = word;
  }
  return words;
}

// Toward zero. x is a whole number of at most eight bits and a float32, so a double.
float CutOff(double x) {
  const auto nearest = static_cast<float>(x);
  const bool is_beyond = std::fabs(static_cast<double>(nearest)) > std::fabs(x);
  return is_beyond ? FloatOf(BitsOf(nearest) - 1) : nearest;
}

float ReciprocalSqrtOf(double x) { return static_cast<float>(1 / std::sqrt(x)); }

}  // namespace

std::string SpecialFunctionTables() {
  std::string tables;
  for (const RecordedFunction* function :
       {&kRecordedExp2, &kRecordedReciprocal, &kRecordedReciprocalSqrtFromOne,
        &kRecordedReciprocalSqrtFromTwo, &kRecordedLog2FromHalf, &kRecordedLog2FromOne}) {
    tables.append(reinterpret_cast<const char*>(function->gzip), function->size);
  }
  return tables;
}

float ApproximateExp2(float x) {
  static const Table* const table = new Table(kRecordedExp2, [](float mantissa) {
    return static_cast<float>(Exp2Series(static_cast<double>(mantissa) - 1));
  });
  if (std::isnan(x)) return FloatOf(kNan);
  if (x >= 128) return kInfinity;
  if (x < -126) return 0.0f;
  const auto cut = static_cast<uint32_t>(std::fabs(x) * 0x1p23f);  // below 2^30: exact but for this
  int whole = static_cast<int>(cut >> kFractionBits);
  uint32_t fraction = cut & (kMantissas - 1);
  if (x < 0) {
    whole = -whole;
    if (fraction != 0) {
      --whole;
      fraction = kMantissas - 1 - fraction;
    }
  }
  return Scale((*table)[fraction], whole);
}

float ApproximateReciprocal(float x) {
  static const Table* const table =
      new Table(kRecordedReciprocal, [](float mantissa) { return 1.0f / mantissa; });
  if (std::isnan(x)) return FloatOf(kNan);
  if (IsZeroOrSubnormal(x)) return std::copysign(kInfinity, x);
  if (std::isinf(x)) return std::copysign(0.0f, x);
  const uint32_t bits = BitsOf(x);
  const int exponent = static_cast<int>(bits >> kFractionBits & 0xff) - 127;
  return std::copysign(Scale((*table)[bits & (kMantissas - 1)], -exponent), x);
}

float ApproximateReciprocalSqrt(float x) {
  static const Table* const from_one = new Table(
      kRecordedReciprocalSqrtFromOne, [](float mantissa) { return ReciprocalSqrtOf(mantissa); });
  static const Table* const from_two =
      new Table(kRecordedReciprocalSqrtFromTwo,
                [](float mantissa) { return ReciprocalSqrtOf(2.0 * mantissa); });
  if (std::isnan(x)) return FloatOf(kNan);
  if (IsZeroOrSubnormal(x)) return std::copysign(kInfinity, x);
  if (x < 0) return FloatOf(kNan);
  if (std::isinf(x)) return 0.0f;
  const uint32_t bits = BitsOf(x), fraction = bits & (kMantissas - 1);
  const int exponent = static_cast<int>(bits >> kFractionBits & 0xff) - 127;
  const bool is_odd = (exponent & 1) != 0;
  const float result = is_odd ? (*from_two)[fraction] : (*from_one)[fraction];
  return Scale(result, -(exponent - is_odd) / 2);
}

float ApproximateLog2(float x) {
  static const auto* const from_half =
      new std::vector<uint32_t>(SumOfDifferences(kRecordedLog2FromHalf));
  static const auto* const from_one =
      new std::vector<uint32_t>(SumOfDifferences(kRecordedLog2FromOne));
  if (std::isnan(x)) return FloatOf(kNan);
  if (IsZeroOrSubnormal(x)) return -kInfinity;
  if (x < 0) return FloatOf(kNan);
  if (std::isinf(x)) return x;
  const uint32_t bits = BitsOf(x), fraction = bits & (kMantissas - 1);
  const int exponent = static_cast<int>(bits >> kFractionBits) - 127;
  if (exponent >= 0) return CutOff(exponent + double{FloatOf((*from_one)[fraction])});
  return CutOff(exponent + 1 + double{FloatOf((*from_half)[fraction])});
}

}  // namespace forensics::runner
