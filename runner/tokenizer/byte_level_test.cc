#include "runner/tokenizer/byte_level.h"

#include <optional>
#include <set>
#include <string>

#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

TEST(ByteLevel, IsGpt2sAlphabet) {
  EXPECT_EQ(ByteToCharacter('A'), "A");
  EXPECT_EQ(ByteToCharacter(' '), u8"\u0120");
  EXPECT_EQ(ByteToCharacter('\n'), u8"\u010A");
  EXPECT_EQ(ByteToCharacter(0x00), u8"\u0100");
  EXPECT_EQ(ByteToCharacter(0xAD), u8"\u0143");  // the last of those without a glyph
  EXPECT_EQ(ByteToCharacter(0xFF), u8"\u00FF");
}

TEST(ByteLevel, EveryByteComesBack) {
  std::set<std::string> characters;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string character(ByteToCharacter(static_cast<uint8_t>(byte)));
    EXPECT_EQ(CharactersToBytes(character), std::string(1, static_cast<char>(byte)));
    characters.insert(character);
  }
  EXPECT_EQ(characters.size(), 256u);
}

TEST(ByteLevel, OtherCharactersAreNone) {
  for (std::string token : {" ", "a b", u8"\u0144", u8"\u65E5", "\xFF"}) {
    EXPECT_EQ(CharactersToBytes(token), std::nullopt) << token;
  }
}

}  // namespace
}  // namespace forensics::runner
