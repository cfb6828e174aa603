#include "runner/tokenizer/byte_level.h"

#include <array>
#include <utility>

#include "runner/tokenizer/unicode.h"

namespace forensics::runner {
namespace {

constexpr bool StandsForItself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// All characters are below U+0800: one or two bytes of UTF-8.
std::string Utf8(int code_point) {
  if (code_point < 0x80) return std::string(1, static_cast<char>(code_point));
  return {static_cast<char>(0xC0 | code_point >> 6), static_cast<char>(0x80 | (code_point & 0x3F))};
}

struct Alphabet {
  std::array<std::string, 256> character;
  std::array<int, 512> byte;  // by code point; -1: not of the alphabet

  Alphabet() {
    byte.fill(-1);
    int next = 256;  // the other bytes are numbered from U+0100
    for (int b = 0; b < 256; ++b) {
      const int code_point = StandsForItself(b) ? b : next++;
      character[b] = Utf8(code_point);
      byte[code_point] = b;
    }
  }
};

const Alphabet& GetAlphabet() {
  static const Alphabet* const alphabet = new Alphabet;
  return *alphabet;
}

}  // namespace

absl::string_view ByteToCharacter(uint8_t byte) { return GetAlphabet().character[byte]; }

std::optional<std::string> CharactersToBytes(absl::string_view token) {
  const Alphabet& alphabet = GetAlphabet();
  std::string bytes;
  for (size_t i = 0; i < token.size();) {
    const Utf8Unit unit = ScanUtf8(token, i);
    if (!unit.valid || unit.size > 2) return std::nullopt;
    const int code_point =
        unit.size == 1 ? token[i] : (token[i] & 0x1F) << 6 | (token[i + 1] & 0x3F);
    if (code_point >= static_cast<int>(alphabet.byte.size())) return std::nullopt;
    const int byte = alphabet.byte[code_point];
    if (byte < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
    i += unit.size;
  }
  return bytes;
}

}  // namespace forensics::runner
