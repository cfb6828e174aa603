// Tables as text: tab-separated for R and pandas, comma-separated for spreadsheets.
#ifndef ANALYZER_REPORT_TABLE_H_
#define ANALYZER_REPORT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace forensics::analyzer {

enum class Separator {
  kTab,  // lines end in \n; in cells, what separates fields and lines becomes a space
  // RFC 4180: lines end in \r\n; cells are quoted where they must be. A text that a spreadsheet
  // would take for a formula (=, +, -, @ first) has an apostrophe before it.
  kComma,
};

// Names come from files: control characters, which drive a terminal and break lines, are escaped
// (\n, \t, \x1b). Text beyond ASCII stays.
std::string Printable(absl::string_view text);

// The same of a text of several lines, which stay lines.
std::string PrintableLines(absl::string_view text);

// What is not known is empty.
std::string NumberCell(std::optional<double> value);
std::string WholeCell(std::optional<int64_t> value);
std::string TruthCell(std::optional<bool> value);  // "true", "false"

class Table {
 public:
  explicit Table(Separator separator, const std::vector<std::string>& columns = {})
      : separator_(separator) {
    if (!columns.empty()) Add(columns);
  }

  void Add(const std::vector<std::string>& cells);

  const std::string& text() const { return text_; }

 private:
  std::string Escaped(const std::string& cell) const;

  const Separator separator_;
  std::string text_;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_TABLE_H_
