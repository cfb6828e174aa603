#include "schema/float_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "schema/shard.h"

namespace forensics::schema {
namespace {

// More than the longest text of a number; the shortest form of a double has up to 24 characters.
constexpr size_t kMostCharacters = 32;

// What the shortest form is not good for; "" for all else. The last one is the only float32 of all
// whose shortest form, "7.038531e-26", read as a float64 and rounded to float32, gives a neighbour.
template <typename Number>
absl::string_view SpecialText(Number value) {
  if (std::isnan(value)) return "\"NaN\"";
  if (std::isinf(value)) return value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  if (std::is_same_v<Number, float> && value == 0x1.5c87fap-84f) return "7.0385307e-26";
  if (std::is_same_v<Number, float> && value == -0x1.5c87fap-84f) return "-7.0385307e-26";
  return "";
}

// Writes to a buffer of kMostCharacters; returns the end.
template <typename Number>
char* WriteShortest(Number value, char* buffer) {
  const absl::string_view special = SpecialText(value);
  if (special.empty()) return std::to_chars(buffer, buffer + kMostCharacters, value).ptr;
  std::memcpy(buffer, special.data(), special.size());
  return buffer + special.size();
}

// The text of a 16-bit pattern, behind a comma.
struct ShortText {
  std::array<char, 23> characters;
  uint8_t length;
};
using ShortTexts = std::array<ShortText, 1 << 16>;

// 16-bit types have so few values that each is formatted once.
ShortTexts* MakeTable(DType dtype) {
  std::string bits(2 << 16, '\0');
  for (uint32_t i = 0; i < (1u << 16); ++i) {
    const uint16_t pattern = static_cast<uint16_t>(i);
    std::memcpy(&bits[2 * i], &pattern, sizeof pattern);
  }
  Values all;
  all.set_dtype(dtype);
  all.set_data(std::move(bits));
  const std::vector<float> values = *ToFloats(all);
  auto table = std::make_unique<ShortTexts>();
  for (size_t i = 0; i < values.size(); ++i) {
    char text[kMostCharacters];
    ShortText& entry = (*table)[i];
    entry.length = static_cast<uint8_t>(1 + WriteShortest(values[i], text) - text);
    entry.characters[0] = ',';
    std::memcpy(&entry.characters[1], text, entry.length - 1u);
  }
  return table.release();
}

const ShortTexts& TableOf(DType dtype) {
  static const ShortTexts* const kBFloat16 = MakeTable(BFLOAT16);
  static const ShortTexts* const kFloat16 = MakeTable(FLOAT16);
  return dtype == BFLOAT16 ? *kBFloat16 : *kFloat16;
}

// Writes elements behind commas; returns the end.
char* WriteFloats(const std::string& data, char* out) {
  for (size_t i = 0; i < data.size(); i += sizeof(float)) {
    float value = 0;
    std::memcpy(&value, data.data() + i, sizeof value);
    *out++ = ',';
    out = WriteShortest(value, out);
  }
  return out;
}

char* WriteShortFloats(const std::string& data, const ShortTexts& table, char* out) {
  for (size_t i = 0; i < data.size(); i += sizeof(uint16_t)) {
    uint16_t pattern = 0;
    std::memcpy(&pattern, data.data() + i, sizeof pattern);
    const ShortText& entry = table[pattern];
    std::memcpy(out, entry.characters.data(), entry.characters.size());
    out += entry.length;
  }
  return out;
}

template <typename Number>
void Append(Number value, std::string& text) {
  char buffer[kMostCharacters];
  text.append(buffer, WriteShortest(value, buffer));
}

}  // namespace

void AppendFloat(float value, std::string& text) { Append(value, text); }

void AppendDouble(double value, std::string& text) { Append(value, text); }

absl::Status AppendElements(const Values& values, std::string& text) {
  const std::string& data = values.data();
  const size_t width = BytesPerElement(values.dtype());
  if (width == 0 || data.size() % width != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(data.size(), " bytes of dtype ", DType_Name(values.dtype())));
  }
  if (data.empty()) return absl::OkStatus();
  const size_t before = text.size();
  text.resize(before + data.size() / width * kMostCharacters);
  char* const start = &text[before];
  char* const end = values.dtype() == FLOAT32
                        ? WriteFloats(data, start)
                        : WriteShortFloats(data, TableOf(values.dtype()), start);
  text.resize(static_cast<size_t>(end - text.data()));
  text.erase(before, 1);  // the first comma
  return absl::OkStatus();
}

}  // namespace forensics::schema
