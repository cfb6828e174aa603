#include "analyzer/reading/float_parser.h"

#include <emmintrin.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "schema/json_number.h"

namespace forensics::analyzer {
namespace {

constexpr int kLowestPower = -64;
constexpr int kHighestPower = 40;

// 10^p for p in [kLowestPower, kHighestPower], each the nearest float64.
const std::array<double, kHighestPower - kLowestPower + 1> kPowersOfTen = [] {
  std::array<double, kHighestPower - kLowestPower + 1> powers{};
  for (int p = kLowestPower; p <= kHighestPower; ++p) {
    const std::string text = absl::StrCat("1e", p);
    std::from_chars(text.data(), text.data() + text.size(), powers[p - kLowestPower]);
  }
  return powers;
}();

constexpr uint64_t kIntegerPowers[] = {1,
                                       10,
                                       100,
                                       1000,
                                       10000,
                                       100000,
                                       1000000,
                                       10000000,
                                       100000000,
                                       1000000000,
                                       10000000000,
                                       100000000000,
                                       1000000000000,
                                       10000000000000,
                                       100000000000000,
                                       1000000000000000,
                                       10000000000000000};

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// Number of digits at the start of 16 bytes.
int LeadingDigits(const char* text) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
  // Digits become the 10 smallest signed bytes.
  const __m128i shifted = _mm_add_epi8(bytes, _mm_set1_epi8(static_cast<char>(0x80 - '0')));
  const __m128i others = _mm_cmpgt_epi8(shifted, _mm_set1_epi8(-128 + 9));
  return __builtin_ctz(static_cast<unsigned>(_mm_movemask_epi8(others)) | 0x10000);
}

// Value of the `count` digits, 16 at most, that end before `end`; the 16 bytes before it are read.
uint64_t DigitsBefore(const char* end, int count) {
  alignas(16) static constexpr uint8_t kMasks[32] = {
      0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
      0,    0,    0,    0,    0,    0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f,
      0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f, 0x0f};
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(end - 16));
  const __m128i mask = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kMasks + count));
  const __m128i digits = _mm_and_si128(bytes, mask);  // what is before them counts as zeros
  const __m128i tens = _mm_and_si128(digits, _mm_set1_epi16(0xff));
  const __m128i pairs =
      _mm_add_epi16(_mm_mullo_epi16(tens, _mm_set1_epi16(10)), _mm_srli_epi16(digits, 8));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32((1 << 16) + 100));
  const __m128i eights =
      _mm_madd_epi16(_mm_packs_epi32(fours, fours), _mm_set1_epi32((1 << 16) + 10000));
  const uint64_t both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  return (both & 0xffffffff) * 100000000 + (both >> 32);
}

// Parses "e-05" and the like at `text`; null if malformed or very long.
const char* ParseExponent(const char* text, int* exponent) {
  ++text;
  const bool negative = *text == '-';
  if (*text == '-' || *text == '+') ++text;
  const char* const digits = text;
  int value = 0;
  while (IsDigit(*text) && text - digits < 4) value = 10 * value + (*text++ - '0');
  if (text == digits || IsDigit(*text)) return nullptr;
  *exponent = negative ? -value : value;
  return text;
}

// Whether [begin, end) is a number as JSON spells it.
bool IsJsonNumber(const char* begin, const char* end) {
  const char* p = begin;
  const auto digits = [&p, end] {
    const char* const first = p;
    while (p < end && IsDigit(*p)) ++p;
    return p > first;
  };
  if (p < end && *p == '-') ++p;
  const char* const integer = p;
  if (!digits() || (*integer == '0' && p - integer > 1)) return false;
  if (p < end && *p == '.' && (++p, !digits())) return false;
  if (p < end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end && (*p == '-' || *p == '+')) ++p;
    if (!digits()) return false;
  }
  return p == end;
}

// ParseFloat32Fast, for the loop over an array.
__attribute__((always_inline)) inline const char* ParseFast(const char* text, float* value) {
  constexpr uint64_t kMostInteger = 90000000000;
  constexpr uint64_t kMost = 9223372036854775807;
  constexpr int kMostFractionDigits = 24;
  const bool negative = *text == '-';
  const char* p = text + negative;
  const char* const integer = p;
  if (!IsDigit(*p)) return nullptr;
  uint64_t digits = static_cast<uint64_t>(*p++ - '0');
  while (IsDigit(*p)) {
    if (digits == 0) return nullptr;  // no digit may follow a leading zero
    digits = 10 * digits + static_cast<uint64_t>(*p++ - '0');
    if (digits >= kMostInteger) return nullptr;
  }
  int exponent = 0;
  if (*p == '.') {
    const char* const fraction = ++p;
    for (;;) {
      const int count = LeadingDigits(p);
      const bool might_overflow = p + count - integer > 19;  // 18 digits and the point
      if (might_overflow && digits >= kMost / kIntegerPowers[count]) return nullptr;
      p += count;
      digits = digits * kIntegerPowers[count] + DigitsBefore(p, count);
      if (count < 16) break;
      if (p - fraction >= kMostFractionDigits) return nullptr;
    }
    if (p == fraction) return nullptr;
    exponent = static_cast<int>(fraction - p);
  }
  if ((*p | 0x20) == 'e') {
    int written = 0;
    p = ParseExponent(p, &written);
    if (p == nullptr) return nullptr;
    exponent += written;
  }
  if (digits == 0) {
    *value = negative ? -0.0f : 0.0f;
    return p;
  }
  if (exponent < kLowestPower || exponent > kHighestPower) return nullptr;
  const double product =
      static_cast<double>(static_cast<int64_t>(digits)) * kPowersOfTen[exponent - kLowestPower];
  if (!(product > 1.2e-38 && product < 3.4e38)) return nullptr;
  uint64_t bits;
  std::memcpy(&bits, &product, sizeof(bits));
  constexpr uint64_t kDropped = (uint64_t{1} << 29) - 1;  // bits that float32 does not have
  constexpr uint64_t kTie = uint64_t{1} << 28;
  constexpr uint64_t kMargin = 8;
  if ((bits & kDropped) - (kTie - kMargin) <= 2 * kMargin) return nullptr;
  *value = static_cast<float>(negative ? -product : product);
  return p;
}

// A bit for each comma among 64 bytes.
uint64_t Commas(const char* text) {
  const __m128i comma = _mm_set1_epi8(',');
  uint64_t commas = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16 * i));
    const auto found = static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, comma)));
    commas |= uint64_t{found} << (16 * i);
  }
  return commas;
}

constexpr size_t kBlock = 64;                // bytes
constexpr size_t kMostInBlock = kBlock / 2;  // numbers with their commas

// Parses numbers with a comma right behind each while more than a block lies before `end`, at most
// `room` of them; returns the place of the first that was not parsed. Where each begins is known
// from the commas, before the one in front of it has been parsed: a processor then works on several
// at once.
const char* ParseSeparated(const char* text, const char* end, size_t room, float* values,
                           size_t& count) {
  count = 0;
  while (end - text > static_cast<std::ptrdiff_t>(kBlock) && count + kMostInBlock <= room) {
    const char* const block = text;
    uint64_t commas = Commas(block);
    if (commas == 0) return text;
    for (; commas != 0; commas &= commas - 1) {
      const char* const comma = block + __builtin_ctzll(commas);
      if (ParseFast(text, values + count) != comma) return text;
      ++count;
      text = comma + 1;
      // Python's separators have a space behind the comma.
      text += *text == ' ';
    }
  }
  return text;
}

constexpr size_t kLongestToken = 1 << 16;  // a float64 written out in full has 1,100 characters

// A value that the fast path did not take: its text up to a comma, bracket or space.
std::string TakeToken(ByteStream& stream) {
  std::string token;
  while (!stream.AtEnd() && token.size() < kLongestToken) {
    const char c = stream.Peek();
    if (c == ',' || c == ']' || IsSpace(c)) break;
    token.push_back(stream.Take());
  }
  return token;
}

bool ParseWord(absl::string_view token, float* value) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (token.size() >= 2 && token.front() == '"' && token.back() == '"') {
    token = token.substr(1, token.size() - 2);
  } else if (token == "null") {
    std::memcpy(value, &kNullBits, sizeof(*value));
    return true;
  }
  if (token == "NaN") {
    *value = std::numeric_limits<float>::quiet_NaN();
  } else if (token == "Infinity") {
    *value = kInfinity;
  } else if (token == "-Infinity") {
    *value = -kInfinity;
  } else {
    return false;
  }
  return true;
}

absl::Status NotANumber(absl::string_view token) {
  if (token.empty()) return absl::InvalidArgumentError("expected a number");
  if (token.size() >= kLongestToken) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a number, found a text of ", kLongestToken, " characters or more"));
  }
  const bool cut = token.size() > 40;
  return absl::InvalidArgumentError(absl::StrFormat(
      "expected a number, found '%s%s'", absl::CHexEscape(token.substr(0, 40)), cut ? "..." : ""));
}

}  // namespace

const char* ParseFloat32Fast(const char* text, float* value) { return ParseFast(text, value); }

bool ParseFloat32(const char* begin, const char* end, float* value) {
  if (!IsJsonNumber(begin, end)) return false;
  const std::from_chars_result result = std::from_chars(begin, end, *value);
  if (result.ec == std::errc::result_out_of_range) {
    *value = std::strtof(std::string(begin, end).c_str(), nullptr);  // infinity or zero
    return true;
  }
  return result.ec == std::errc() && result.ptr == end;
}

absl::Status ReadFloat32Array(ByteStream& stream, std::vector<float>& values, size_t& offset,
                              OddValues* odd) {
  values.clear();
  if (odd != nullptr) *odd = {};
  bool value_expected = true;
  for (;;) {
    if (values.size() > kLongestArray) {
      return absl::InvalidArgumentError(
          absl::StrCat("an array of more than ", kLongestArray, " numbers"));
    }
    stream.Fill(ByteStream::kReadAhead);
    // Up to `safe` a number's bytes are in memory, or zeros behind the file's end, which end it.
    const char* const safe =
        stream.reached_end() ? stream.end() : stream.end() - (ByteStream::kReadAhead - 1);
    const char* p = stream.current();
    std::array<float, 512> parsed;
    size_t count = 0;
    while (p < safe) {
      if (value_expected) {
        size_t separated;
        p = ParseSeparated(p, safe, parsed.size() - count, &parsed[count], separated);
        count += separated;
        if (parsed.size() - count < kMostInBlock) {
          values.insert(values.end(), parsed.begin(),
                        parsed.begin() + static_cast<std::ptrdiff_t>(count));
          count = 0;
          continue;
        }
        const char* const next = ParseFast(p, &parsed[count]);
        if (next != nullptr) {
          p = next;
          value_expected = *p == ',';
          if (value_expected) ++p;
          ++count;
          // Python's separators have a space behind the comma.
          if (*p == ' ') ++p;
          continue;
        }
      } else if (*p == ',') {
        ++p;
        value_expected = true;
        continue;
      }
      if (!IsSpace(*p)) break;
      ++p;
    }
    values.insert(values.end(), parsed.begin(),
                  parsed.begin() + static_cast<std::ptrdiff_t>(count));
    // A number parsed at the edge may end beyond `safe`, never beyond the bytes in memory.
    stream.AdvanceTo(p);
    offset = stream.Tell();
    if (stream.AtEnd()) return absl::InvalidArgumentError("the file ends inside an array");
    if (p < safe) {
      if (!value_expected || (*p == ']' && values.empty())) {
        if (stream.Peek() == ']') return absl::OkStatus();
        return absl::InvalidArgumentError("expected ',' or ']' after a number");
      }
      const std::string token = TakeToken(stream);
      float value;
      if (ParseWord(token, &value)) {
        if (odd != nullptr && token == "null") ++odd->nulls;
      } else {
        if (token.size() >= kLongestToken ||
            !ParseFloat32(token.data(), token.data() + token.size(), &value)) {
          return NotANumber(token);
        }
        if (std::isinf(value)) {
          const char* const fault = schema::JsonNumberFault(token);
          if (fault != nullptr) return absl::InvalidArgumentError(fault);
          if (odd != nullptr) ++odd->beyond_range;
        }
      }
      values.push_back(value);
      value_expected = false;
    }
  }
}

}  // namespace forensics::analyzer
