#include "runner/tokenizer/unicode.h"

#include <cstring>

#include "utf8proc.h"

namespace forensics::runner {
namespace {

struct ByteRange {
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
};

// Bytes that may follow `lead` (Unicode 15, table 3-7); excludes overlong forms and surrogates.
ByteRange SecondByte(uint8_t lead) {
  switch (lead) {
    case 0xE0:
      return {0xA0, 0xBF};
    case 0xED:
      return {0x80, 0x9F};
    case 0xF0:
      return {0x90, 0xBF};
    case 0xF4:
      return {0x80, 0x8F};
    default:
      return {};
  }
}

size_t SizeByLead(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

size_t LastCodePointStart(absl::string_view text) {
  size_t position = text.size() - 1;
  while (position > 0 && (static_cast<uint8_t>(text[position]) & 0xC0) == 0x80) --position;
  return position;
}

bool IsWhiteSpace(int32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool IsWord(int32_t c) {
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
      return true;
    default:
      // Join_Control, and the symbols that are Alphabetic: circled and squared letters.
      return c == 0x200C || c == 0x200D || (c >= 0x24B6 && c <= 0x24E9) ||
             (c >= 0x1F130 && c <= 0x1F149) || (c >= 0x1F150 && c <= 0x1F169) ||
             (c >= 0x1F170 && c <= 0x1F189);
  }
}

}  // namespace

Utf8Unit ScanUtf8(absl::string_view text, size_t position) {
  const auto byte_at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte_at(position);
  const size_t size = SizeByLead(lead);
  if (size <= 1) return {1, size == 1};
  ByteRange range = SecondByte(lead);
  for (size_t i = 1; i < size; ++i) {
    if (position + i >= text.size() || byte_at(position + i) < range.low ||
        byte_at(position + i) > range.high) {
      return {i, false};
    }
    range = {};
  }
  return {size, true};
}

int32_t CodePointAt(absl::string_view text, size_t position) {
  utf8proc_int32_t code_point = 0;
  utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + position,
                   static_cast<utf8proc_ssize_t>(text.size() - position), &code_point);
  return code_point;
}

std::optional<size_t> FirstInvalidUtf8(absl::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    uint64_t eight = 0;
    if (text.size() - i >= sizeof(eight)) {
      std::memcpy(&eight, text.data() + i, sizeof(eight));
      if ((eight & 0x8080808080808080u) == 0) {
        i += sizeof(eight);
        continue;
      }
    }
    const Utf8Unit unit = ScanUtf8(text, i);
    if (!unit.valid) return i;
    i += unit.size;
  }
  return std::nullopt;
}

std::string ToValidUtf8(absl::string_view bytes) {
  std::string valid;
  valid.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size();) {
    const Utf8Unit unit = ScanUtf8(bytes, i);
    valid.append(unit.valid ? bytes.data() + i : "\xEF\xBF\xBD", unit.valid ? unit.size : 3);
    i += unit.size;
  }
  return valid;
}

size_t LeadingSpace(absl::string_view text) {
  size_t end = 0;
  while (end < text.size() && IsWhiteSpace(CodePointAt(text, end))) end += ScanUtf8(text, end).size;
  return end;
}

size_t TrailingSpace(absl::string_view text) {
  absl::string_view rest = text;
  while (!rest.empty()) {
    const size_t start = LastCodePointStart(rest);
    if (!IsWhiteSpace(CodePointAt(rest, start))) break;
    rest = rest.substr(0, start);
  }
  return text.size() - rest.size();
}

bool StartsWithWord(absl::string_view text) {
  return !text.empty() && IsWord(CodePointAt(text, 0));
}

bool EndsWithWord(absl::string_view text) {
  return !text.empty() && IsWord(CodePointAt(text, LastCodePointStart(text)));
}

}  // namespace forensics::runner
