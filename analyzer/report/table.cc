#include "analyzer/report/table.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "analyzer/reading/number_text.h"

namespace forensics::analyzer {
namespace {

// Control characters but those in `kept` are escaped.
std::string WithoutControls(absl::string_view text, absl::string_view kept) {
  std::string printable;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // U+0080 to U+009F, as UTF-8
      absl::StrAppend(&printable, absl::StrFormat("\\u%04x", next));
      ++i;
    } else if ((byte >= 0x20 && byte != 0x7f) || kept.find(text[i]) != absl::string_view::npos) {
      printable.push_back(text[i]);
    } else {
      absl::StrAppend(&printable, byte == '\n'   ? "\\n"
                                  : byte == '\t' ? "\\t"
                                  : byte == '\r' ? "\\r"
                                                 : absl::StrFormat("\\x%02x", byte));
    }
  }
  return printable;
}

}  // namespace

std::string NumberCell(std::optional<double> value) {
  return value.has_value() ? NumberText(*value) : "";
}

std::string WholeCell(std::optional<int64_t> value) {
  return value.has_value() ? absl::StrCat(*value) : "";
}

std::string TruthCell(std::optional<bool> value) {
  return !value.has_value() ? "" : *value ? "true" : "false";
}

std::string Printable(absl::string_view text) { return WithoutControls(text, ""); }

std::string PrintableLines(absl::string_view text) { return WithoutControls(text, "\n"); }

std::string Table::Escaped(const std::string& cell) const {
  if (separator_ == Separator::kTab) {
    return Printable(absl::StrReplaceAll(cell, {{"\t", " "}, {"\n", " "}, {"\r", " "}}));
  }
  std::string text = WithoutControls(cell, "\t\r\n");
  double number;
  const bool is_formula =
      !text.empty() && absl::string_view("=+-@").find(text[0]) != std::string::npos;
  if (is_formula && !absl::SimpleAtod(text, &number)) text.insert(0, 1, '\'');
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

void Table::Add(const std::vector<std::string>& cells) {
  const bool is_tab = separator_ == Separator::kTab;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) absl::StrAppend(&text_, is_tab ? "\t" : ",");
    absl::StrAppend(&text_, Escaped(cells[i]));
  }
  absl::StrAppend(&text_, is_tab ? "\n" : "\r\n");
}

}  // namespace forensics::analyzer
