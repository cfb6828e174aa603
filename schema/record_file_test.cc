#include "schema/record_file.h"

#include <zlib.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::schema {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RecordFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = absl::StrCat(testing::TempDir(), "/",
                         testing::UnitTest::GetInstance()->current_test_info()->name());
    absl::StatusOr<RecordWriter> writer = RecordWriter::Create(path_);
    ASSERT_TRUE(writer.ok()) << writer.status();
    ASSERT_TRUE(writer->Write("first").ok());
    ASSERT_TRUE(writer->Write(std::string("\0second", 7)).ok());
    ASSERT_TRUE(writer->Close().ok());
    bytes_ = ReadFile(path_).value();
  }

  // What reading `bytes` says; the payloads are kept in payloads_.
  absl::Status Read(const std::string& bytes) {
    payloads_.clear();
    std::ofstream(path_, std::ios::binary) << bytes;  // no fsync: there are hundreds
    return ReadRecords(path_, [&](absl::string_view payload) {
      payloads_.emplace_back(payload);
      return absl::OkStatus();
    });
  }

  std::string path_;
  std::string bytes_;
  std::vector<std::string> payloads_;
};

TEST_F(RecordFileTest, RoundTrip) {
  EXPECT_TRUE(Read(bytes_).ok());
  EXPECT_THAT(payloads_, ElementsAre("first", std::string("\0second", 7)));
}

TEST_F(RecordFileTest, WhatTheSystemCannotReadIsNotCalledDamaged) {
  // A regular file whose first byte cannot be read: no memory is mapped there.
  const std::string unreadable = "/proc/self/mem";
  const absl::Status status =
      ReadRecords(unreadable, [](absl::string_view) { return absl::OkStatus(); });
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/self/mem: cannot be read: "));
  EXPECT_TRUE(absl::IsUnavailable(ReadFile(unreadable).status())) << ReadFile(unreadable).status();
}

TEST_F(RecordFileTest, EveryFlippedBitIsFound) {
  for (size_t byte = 0; byte < bytes_.size(); ++byte) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes_;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << bit));
      const absl::Status status = Read(damaged);
      // In the magic number it is no shard at all; elsewhere the checksum says so.
      EXPECT_EQ(status.code(),
                byte < 8 ? absl::StatusCode::kInvalidArgument : absl::StatusCode::kDataLoss)
          << byte << " " << bit << " " << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(path_));
    }
  }
}

TEST_F(RecordFileTest, EveryCutIsFound) {
  for (size_t length = 0; length < bytes_.size(); ++length) {
    const absl::Status status = Read(bytes_.substr(0, length));
    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << length << " " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("cut off"));
  }
}

TEST_F(RecordFileTest, AVersionFromTheFutureIsNamed) {
  std::string future = bytes_;
  future[8] = 99;
  const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(future.data()), 12);
  for (int i = 0; i < 4; ++i) future[12 + i] = static_cast<char>(crc >> (8 * i));
  const absl::Status status = Read(future);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("format 99"));
}

TEST_F(RecordFileTest, BytesBehindTheEndAreFound) {
  EXPECT_EQ(Read(bytes_ + "x").code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Read(bytes_ + bytes_).code(), absl::StatusCode::kDataLoss);
}

TEST_F(RecordFileTest, AnotherKindOfFileIsNamed) {
  EXPECT_THAT(std::string(Read("{\"json\": true, \"long\": true}").message()),
              HasSubstr("not a shard"));
}

// Of whatever size the file is.
TEST_F(RecordFileTest, ALengthThatIsNotTrueCostsNoMemory) {
  const auto with_length = [&](uint32_t length) {
    std::string field(reinterpret_cast<const char*>(&length), sizeof length);
    const uLong crc = crc32(0, reinterpret_cast<const Bytef*>(field.data()), 4);
    for (int i = 0; i < 4; ++i) field.push_back(static_cast<char>(crc >> (8 * i)));
    return bytes_.substr(0, 16) + field + "few bytes";
  };
  EXPECT_THAT(std::string(Read(with_length(1u << 28)).message()),
              HasSubstr("cut off: 33 bytes, expected at least 268435484"));
  EXPECT_THAT(std::string(Read(with_length(UINT32_MAX)).message()),
              HasSubstr("a record of 4294967295 bytes at 24, expected at most 268435456"));
  EXPECT_THAT(
      std::string(
          ReadRecords("/dev/zero", [](absl::string_view) { return absl::OkStatus(); }).message()),
      HasSubstr("/dev/zero: is no regular file"));
}

TEST_F(RecordFileTest, RefusesEmptyRecords) {
  absl::StatusOr<RecordWriter> writer = RecordWriter::Create(path_ + ".other");
  EXPECT_EQ(writer->Write("").code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RecordFileTest, AVisitorCanStop) {
  int visited = 0;
  const absl::Status status = ReadRecords(path_, [&](absl::string_view) {
    ++visited;
    return absl::AbortedError("enough");
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(visited, 1);
}

}  // namespace
}  // namespace forensics::schema
