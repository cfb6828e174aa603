// Exact conversion of JSON numbers to float32: the nearest float32 of the decimal, ties to even.
#ifndef ANALYZER_READING_FLOAT_PARSER_H_
#define ANALYZER_READING_FLOAT_PARSER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "analyzer/reading/byte_stream.h"

namespace forensics::analyzer {

// What stands for a JSON null in a vector: a quiet NaN with these bits, so that a value left out
// is not the same as a NaN that was computed (0x7fc00000).
inline constexpr uint32_t kNullBits = 0x7fc00001;

// How many values of an array are read as what they are not.
struct OddValues {
  size_t beyond_range = 0;  // decimals beyond float32's range: infinities
  size_t nulls = 0;         // kNullBits
};

// No hidden state comes near it; a longer array is taken for damage before it fills the memory.
inline constexpr size_t kLongestArray = size_t{1} << 22;

// Parses one JSON number at `text`, from ByteStream::kReadBehind bytes before which up to
// ByteStream::kReadAhead bytes after can be read. Returns the position after it and sets `value`,
// or returns null where the text is no JSON number or is not one that this path decides (very long,
// subnormal, close to a tie of two floats).
//
// Method: up to 19 digits as an integer, times a power of ten, in float64; three roundings, so
// that the product is within 3 units in its last place of the decimal. If no tie between two
// float32 lies within 8 units, the float32 nearest to the product is that nearest to the decimal.
// Rounding the nearest float64 without this check would round twice.
const char* ParseFloat32Fast(const char* text, float* value);

// The same for any JSON number that fills [begin, end); false if the text is not one. Decimals
// beyond float32's range become infinities.
bool ParseFloat32(const char* begin, const char* end, float* value);

// Reads the numbers of an array, from after its '[' up to its ']', which is left in the stream, so
// that a reader of the structure sees an empty array. Takes null, the literals NaN, Infinity and
// -Infinity, and the same three as strings. On an error `offset` is the place in the file.
// `odd`, if not null, becomes the counts of the array; a decimal beyond float64's range is an
// error, as everywhere in a file.
absl::Status ReadFloat32Array(ByteStream& stream, std::vector<float>& values, size_t& offset,
                              OddValues* odd = nullptr);

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_FLOAT_PARSER_H_
