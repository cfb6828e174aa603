// The value of a JSON number's text.
#ifndef SCHEMA_JSON_NUMBER_H_
#define SCHEMA_JSON_NUMBER_H_

#include <cstdint>
#include <variant>

#include "absl/strings/string_view.h"

namespace forensics::schema {

using JsonNumber = std::variant<int64_t, uint64_t, double>;

// The number that `text` spells, the first type that holds it exactly as written: an integer of 64
// bits, else the nearest double, infinite beyond its range ("NaN" and "Infinity" are numbers, too).
//
// For readers that ask RapidJSON for numbers as text (kParseNumbersAsStringsFlag): its own exact
// conversion shifts by a negative count where an exponent is near -2^31.
JsonNumber ReadJsonNumber(absl::string_view text);

// Why `text`, which RapidJSON takes for a number, is none of an experiment file; null if it is one.
// A decimal beyond float64's range is damage: who means infinity writes "Infinity". RapidJSON
// refuses most of them itself, in the same words, and besides zeros with such an exponent (0e999);
// and it takes "Inf" and "-NaN".
const char* JsonNumberFault(absl::string_view text);

}  // namespace forensics::schema

#endif  // SCHEMA_JSON_NUMBER_H_
