// Sound JSON made odd: changed bytes seldom are JSON.
#ifndef TOOLS_FUZZING_CHANGE_JSON_H_
#define TOOLS_FUZZING_CHANGE_JSON_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::fuzzing {

// `text` with one part of it changed, each with the same probability: an odd number or null in its
// place, an element or member that is missing, an element that is there twice. Without white space.
// None if `text` is not JSON.
std::optional<std::string> ChangeJson(absl::string_view text, uint32_t seed);

// Ends the program if `text` is not JSON, as Expect does.
void ExpectJson(absl::string_view text);

}  // namespace forensics::fuzzing

#endif  // TOOLS_FUZZING_CHANGE_JSON_H_
