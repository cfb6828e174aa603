#include "schema/inspect_table.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace forensics::schema {
namespace {

// Characters of UTF-8, not bytes.
size_t Width(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

bool IsNumber(absl::string_view text) {
  double number = 0;
  return absl::SimpleAtod(text, &number);
}

// Whether all cells below the first row, which may be a heading, are numbers or say that there is
// none.
bool IsColumnOfNumbers(const std::vector<std::vector<std::string>>& rows, size_t column) {
  bool any = false;
  for (size_t i = 1; i < rows.size(); ++i) {
    if (column >= rows[i].size() || rows[i][column].empty() || rows[i][column] == "-") continue;
    if (!IsNumber(rows[i][column])) return false;
    any = true;
  }
  return any;
}

}  // namespace

std::string FormatTable(const std::vector<std::vector<std::string>>& rows,
                        absl::string_view indent) {
  std::vector<size_t> widths;
  for (const std::vector<std::string>& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::vector<bool> of_numbers;
  for (size_t i = 0; i < widths.size(); ++i) of_numbers.push_back(IsColumnOfNumbers(rows, i));
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line(indent);
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - Width(row[i]), ' ');
      const bool right = of_numbers[i] && IsNumber(row[i]);
      absl::StrAppend(&line, right ? padding : "", row[i], right ? "" : padding, "  ");
    }
    absl::StrAppend(&text, absl::StripTrailingAsciiWhitespace(line), "\n");
  }
  return text;
}

std::string OneLine(absl::string_view text, size_t width) {
  const std::string line = absl::StrReplaceAll(absl::Utf8SafeCEscape(text.substr(0, 4 * width)),
                                               {{"\\\"", "\""}, {"\\'", "'"}});
  if (Width(line) <= width && text.size() <= 4 * width) return line;
  size_t end = 0;
  for (size_t shown = 0; end < line.size(); ++end) {
    if ((line[end] & 0xc0) != 0x80 && ++shown > width - 3) break;
  }
  return absl::StrCat(absl::string_view(line).substr(0, end), "...");
}

}  // namespace forensics::schema
