// Text in columns.
#ifndef SCHEMA_INSPECT_TABLE_H_
#define SCHEMA_INSPECT_TABLE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace forensics::schema {

// Rows with aligned columns, each line behind `indent`. Columns of numbers are aligned to the
// right.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows,
                        absl::string_view indent);

// One line of at most `width` characters: what cannot be printed is escaped, what is cut off
// replaced by "...".
std::string OneLine(absl::string_view text, size_t width);

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECT_TABLE_H_
