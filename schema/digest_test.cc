#include "schema/digest.h"

#include <vector>

#include "gtest/gtest.h"
#include "schema/atomic_file.h"

namespace forensics::schema {
namespace {

// FIPS 180-2, appendix B.1.
constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(DigestTest, KnownAnswer) {
  EXPECT_EQ(Sha256Hex("abc"), kOfAbc);
  EXPECT_EQ(Sha256Bytes("abc").size(), 32u);
}

TEST(DigestTest, InPiecesAsAtOnce) {
  Sha256 sha;
  sha.Update("a");
  sha.Update("");
  sha.Update("bc");
  EXPECT_EQ(sha.Finish(), Sha256Bytes("abc"));
}

TEST(DigestTest, OfAFile) {
  const std::string path = testing::TempDir() + "/abc";
  ASSERT_TRUE(WriteFileAtomically(path, "abc").ok());
  EXPECT_EQ(Sha256HexOfFile(path).value(), kOfAbc);
  EXPECT_EQ(Sha256HexOfFile(path + "x").status().code(), absl::StatusCode::kNotFound);
}

TEST(TokenIdsSha256, IsOverLittleEndianInt32) {
  const std::vector<int64_t> ids = {1, 0x01020304};
  EXPECT_EQ(TokenIdsSha256(ids), Sha256Hex(std::string("\x01\0\0\0\x04\x03\x02\x01", 8)));
}

}  // namespace
}  // namespace forensics::schema
