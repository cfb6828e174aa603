#include "analyzer/reading/float_parser.h"

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

constexpr uint64_t kSmallPowers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

bool IsDigit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

uint64_t Load8(const char* text) {
  uint64_t word;
  std::memcpy(&word, text, sizeof(word));
  return word;
}

// Number of digits at the start of eight bytes (the first byte is the lowest).
int LeadingDigits(uint64_t word) {
  // A byte is a digit if its high half is 3 and adding 6 to it leaves that so.
  const uint64_t wrong = ((word & 0xF0F0F0F0F0F0F0F0) ^ 0x3030303030303030) |
                         (((word + 0x0606060606060606) & 0xF0F0F0F0F0F0F0F0) ^ 0x3030303030303030);
  return wrong == 0 ? 8 : __builtin_ctzll(wrong) / 8;
}

// Value of the first `count` digits of eight bytes.
uint64_t DigitsValue(uint64_t word, int count) {
  if (count == 0) return 0;
  word = (word & 0x0F0F0F0F0F0F0F0F) << (64 - 8 * count);  // leading zeros in front
  word = (word * 10) + (word >> 8);
  return (((word & 0x000000FF000000FF) * 0x000F424000000064) +
          (((word >> 16) & 0x000000FF000000FF) * 0x0000271000000001)) >>
         32;
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

const char* ParseFloat32Fast(const char* text, float* value) {
  constexpr uint64_t kMostInteger = 90000000000;  // leaves room for eight more digits in 63 bits
  constexpr uint64_t kMost = 9223372036854775807;
  constexpr int kMostFractionDigits = 24;
  const bool negative = *text == '-';
  const char* p = text + negative;
  const char* const integer = p;
  uint64_t digits = 0;
  while (IsDigit(*p)) {
    digits = 10 * digits + static_cast<uint64_t>(*p++ - '0');
    if (digits >= kMostInteger) return nullptr;
    if (*integer == '0') break;  // no digit may follow a leading zero
  }
  if (p == integer || IsDigit(*p)) return nullptr;
  int exponent = 0;
  if (*p == '.') {
    const char* const fraction = ++p;
    for (;;) {
      const uint64_t word = Load8(p);
      const int count = LeadingDigits(word);
      const bool might_overflow = p + count - integer > 19;  // 18 digits and the point
      if (might_overflow && digits >= kMost / kSmallPowers[count]) return nullptr;
      digits = digits * kSmallPowers[count] + DigitsValue(word, count);
      p += count;
      if (count < 8) break;
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
                              size_t* beyond_range) {
  values.clear();
  if (beyond_range != nullptr) *beyond_range = 0;
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
    const char* next = p;
    while (p < safe) {
      if (IsSpace(*p)) {
        ++p;
      } else if (value_expected) {
        float value;
        next = ParseFloat32Fast(p, &value);
        if (next == nullptr) break;
        values.push_back(value);
        p = next;
        value_expected = false;
        if (*p == ',') {
          ++p;
          value_expected = true;
        }
      } else if (*p == ',') {
        ++p;
        value_expected = true;
      } else {
        break;
      }
    }
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
      if (!ParseWord(token, &value)) {
        if (token.size() >= kLongestToken ||
            !ParseFloat32(token.data(), token.data() + token.size(), &value)) {
          return NotANumber(token);
        }
        if (beyond_range != nullptr && std::isinf(value)) ++*beyond_range;
      }
      values.push_back(value);
      value_expected = false;
    }
  }
}

}  // namespace forensics::analyzer
