// Tables as text: tab-separated for R and pandas, comma-separated for spreadsheets.
#ifndef ANALYZER_REPORT_TABLE_H_
#define ANALYZER_REPORT_TABLE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace forensics::analyzer {

enum class Separator {
  kTab,    // lines end in \n; in cells, what separates fields and lines becomes a space
  kComma,  // RFC 4180: lines end in \r\n; cells are quoted where they must be
};

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
