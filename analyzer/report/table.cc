#include "analyzer/report/table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "analyzer/reading/number_text.h"

namespace forensics::analyzer {

std::string NumberCell(std::optional<double> value) {
  return value.has_value() ? NumberText(*value) : "";
}

std::string WholeCell(std::optional<int64_t> value) {
  return value.has_value() ? absl::StrCat(*value) : "";
}

std::string TruthCell(std::optional<bool> value) {
  return !value.has_value() ? "" : *value ? "true" : "false";
}

std::string Table::Escaped(const std::string& cell) const {
  if (separator_ == Separator::kTab) {
    return absl::StrReplaceAll(cell, {{"\t", " "}, {"\n", " "}, {"\r", " "}});
  }
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  return absl::StrCat("\"", absl::StrReplaceAll(cell, {{"\"", "\"\""}}), "\"");
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
