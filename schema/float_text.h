// Numbers as JSON text that reads back to the same bits.
#ifndef SCHEMA_FLOAT_TEXT_H_
#define SCHEMA_FLOAT_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "schema/run.pb.h"

namespace forensics::schema {

// Appends the shortest decimal that reads back to the same bits, through strtof as well as through
// strtod and a cast to float: "0.1", "-0.0" (Python reads "-0" as an integer), "1e-45". NaN and
// infinities become the strings "NaN", "Infinity", "-Infinity", with quotes.
void AppendFloat(float value, std::string& text);
void AppendDouble(double value, std::string& text);

// Appends the elements, separated by commas, without brackets: "0.5,-0.0,\"NaN\"". 16-bit types are
// widened exactly. InvalidArgument if the bytes are no whole number of elements.
absl::Status AppendElements(const Values& values, std::string& text);

}  // namespace forensics::schema

#endif  // SCHEMA_FLOAT_TEXT_H_
