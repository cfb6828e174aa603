// The byte-level alphabet of GPT-2: each byte stands as one printable code point, so that any
// byte string is a string of such characters (a space is written U+0120, for instance).
#ifndef RUNNER_TOKENIZER_BYTE_LEVEL_H_
#define RUNNER_TOKENIZER_BYTE_LEVEL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::runner {

// The character for `byte`, in UTF-8.
absl::string_view ByteToCharacter(uint8_t byte);

// The bytes that `token` stands for; nothing if it holds a character outside the alphabet.
std::optional<std::string> CharactersToBytes(absl::string_view token);

}  // namespace forensics::runner

#endif  // RUNNER_TOKENIZER_BYTE_LEVEL_H_
