#include "runner/checkpoint/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"

namespace forensics::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr char kTwoTensors[] = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                               R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})";

std::string TwoTensors() { return SafetensorsBytes(kTwoTensors, std::string(11, 'x')); }

std::string Error(absl::string_view file) {
  const auto tensors = ParseSafetensors(file, "w.safetensors");
  return std::string(tensors.status().message());
}

TEST(ParseSafetensorsTest, ReadsNamesShapesAndRanges) {
  const auto tensors = ParseSafetensors(TwoTensors(), "w.safetensors");
  ASSERT_TRUE(tensors.ok()) << tensors.status();
  ASSERT_EQ(tensors->size(), 2u);
  const StoredTensor& b = tensors->at("b");
  EXPECT_EQ(b.dtype->name, "U8");
  EXPECT_THAT(b.shape, ElementsAre(3));
  const auto data = static_cast<int64_t>(8 + std::string(kTwoTensors).size());
  EXPECT_EQ(b.begin, data + 8);
  EXPECT_EQ(b.end, data + 11);
}

TEST(ParseSafetensorsTest, AcceptsWhatTheFormatAllows) {
  const char* headers[] = {
      "{}",
      "{}      ",
      R"({"__metadata__":{"format":"pt"}})",
      R"({"scalar":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})",
      R"({"empty":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}})",
      // In any order, an empty tensor between two others.
      R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},)"
      R"("e":{"dtype":"F64","shape":[0],"data_offsets":[1,1]},)"
      R"("a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}})",
      R"({"f4":{"dtype":"F4","shape":[2,3],"data_offsets":[0,3]}})",
  };
  const size_t sizes[] = {0, 0, 0, 1, 0, 3, 3};
  for (size_t i = 0; i < std::size(headers); ++i) {
    const std::string file = SafetensorsBytes(headers[i], std::string(sizes[i], 'x'));
    EXPECT_EQ(Error(file), "") << headers[i];
  }
}

struct BadFile {
  std::string file;
  const char* error;
};

std::string WithLength(uint64_t length, absl::string_view rest) {
  std::string file;
  for (int i = 0; i < 8; ++i) file.push_back(static_cast<char>(length >> (8 * i)));
  return absl::StrCat(file, rest);
}

TEST(ParseSafetensorsTest, RefusesADamagedFrame) {
  const std::string whole = TwoTensors();
  const BadFile files[] = {
      {"", "expected at least 8 bytes (the header's length), found 0"},
      {"1234567", "found 7"},
      {WithLength(0, ""), "does not begin with '{'"},
      {WithLength(3, "{}"), "a header of 3 bytes does not fit in the file, which has 10"},
      {WithLength(100'000'001, "{}"), "the limit is 100000000"},
      {WithLength(UINT64_MAX, "{}"), "a header of 18446744073709551615 bytes"},
      {WithLength(UINT64_MAX - 7, "{}"), "the limit"},
      {whole.substr(0, whole.size() - 1),
       "tensor b: data_offsets [8, 11] do not lie within the "
       "file's 10 bytes of data; is the file truncated?"},
      {whole.substr(0, 20), "does not fit in the file"},
      {whole + "y", "1 bytes after the last tensor belong to none"},
      {SafetensorsBytes("{}", "y"), "1 bytes after the last tensor"},
  };
  for (const BadFile& bad : files) {
    const std::string error = Error(bad.file);
    EXPECT_THAT(error, StartsWith("w.safetensors: "));
    EXPECT_THAT(error, HasSubstr(bad.error));
  }
}

TEST(ParseSafetensorsTest, RefusesABadHeader) {
  struct {
    const char* header;  // before 8 bytes of data
    const char* error;
  } const cases[] = {
      {" {}", "does not begin with '{'"},
      {"[]", "does not begin with '{'"},
      {"{", "not valid JSON"},
      {"{}x", "not valid JSON"},
      {"{\"a\xff\":{}}", "not valid JSON"},
      {R"({"a":1})", "tensor a: expected an object, found 1"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "the name \"a\" appears twice"},
      {R"({"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
       "the name \"dtype\" appears twice"},
      {R"({"a":{"shape":[2],"data_offsets":[0,8]}})", "tensor a: no \"dtype\""},
      {R"({"a":{"dtype":"F32","data_offsets":[0,8]}})", "tensor a: no \"shape\""},
      {R"({"a":{"dtype":"F32","shape":[2]}})", "tensor a: no \"data_offsets\""},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}})", "found 4 fields"},
      {R"({"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}})", "unknown dtype \"F33\""},
      {R"({"a":{"dtype":4,"shape":[2],"data_offsets":[0,8]}})", "unknown dtype 4"},
      {R"({"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}})", "shape: expected an array"},
      {R"({"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})",
       "shape[0]: expected an "
       "integer from 0"},
      {R"({"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}})", "found 2.0"},
      {R"({"a":{"dtype":"F32","shape":[1e3],"data_offsets":[0,8]}})", "shape[0]"},
      {R"({"a":{"dtype":"F32","shape":["2"],"data_offsets":[0,8]}})", "found \"2\""},
      {R"({"a":{"dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8]}})", "shape[0]"},
      {R"({"a":{"dtype":"F32","shape":[99999999999999999999999],"data_offsets":[0,8]}})",
       "shape[0]"},
      // 2^62 floats are 2^64 bytes: zero, or eight with the next, in wrapping arithmetic.
      {R"({"a":{"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]}})",
       "takes no possible number of bytes"},
      {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})",
       "takes no possible number of bytes"},
      {R"({"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})",
       "takes no possible number of bytes"},
      {R"({"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}})", "takes no possible number"},
      {R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})",
       "F32 [3] takes 12 bytes, data_offsets [0, 8] hold 8"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8]}})", "expected two integers, found 1"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4,8]}})", "found 3"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}})", "[8, 0] do not lie within"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}})", "data_offsets[0]: expected"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})", "[8, 16] do not lie within"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}})",
       "do not lie within"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "tensor a starts at data offset 4, leaving a hole after the header, which ends at 0"},
      {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "4 bytes after the last"},
      {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       "tensor b starts at data offset 4, inside that of a, which ends at 8"},
      {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
       R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       "tensor b starts at data offset 4, leaving a hole after a, which ends at 2"},
      {R"({"__metadata__":{"format":1}})", "__metadata__: expected an object of strings"},
      {R"({"__metadata__":[]})", "__metadata__: expected an object of strings"},
  };
  for (const auto& c : cases) {
    const std::string error = Error(SafetensorsBytes(c.header, "12345678"));
    EXPECT_THAT(error, StartsWith("w.safetensors: "));
    EXPECT_THAT(error, HasSubstr(c.error)) << c.header;
  }
}

TEST(ParseSafetensorsTest, WhatAHostileHeaderCostsIsBounded) {
  const std::string deep = R"({"a":)" + std::string(5'000'000, '[');
  EXPECT_THAT(Error(SafetensorsBytes(deep, "")), HasSubstr("nested more than 100 deep"));
  std::string many = R"({"a":[)";
  for (int i = 0; i < 8'000'001; ++i) many += "0,";
  EXPECT_THAT(Error(SafetensorsBytes(many, "")), HasSubstr("more than 8000000 values"));
}

// Whatever a header says, a tensor that is handed out lies in the file.
TEST(ParseSafetensorsTest, RandomDamageIsNeverBelieved) {
  const std::string whole = TwoTensors();
  const size_t header_end = whole.size() - 11;
  std::mt19937 engine(7);
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string file = whole;
    const auto flips = 1 + engine() % 3;
    for (unsigned flip = 0; flip < flips; ++flip) {
      // Printable characters keep more of the damaged headers valid JSON.
      file[engine() % header_end] =
          static_cast<char>(engine() % 2 == 0 ? engine() : '0' + engine() % 75);
    }
    if (engine() % 8 == 0) file.resize(engine() % whole.size());
    const auto tensors = ParseSafetensors(file, "w");
    if (!tensors.ok()) continue;
    ++accepted;
    int64_t covered = 0;
    for (const auto& [name, tensor] : *tensors) {
      EXPECT_LE(0, tensor.begin);
      EXPECT_LE(tensor.begin, tensor.end);
      EXPECT_LE(tensor.end, static_cast<int64_t>(file.size()));
      covered += tensor.end - tensor.begin;
    }
    EXPECT_LE(covered, static_cast<int64_t>(file.size()));
  }
  // Names may change freely; most other damage shows.
  EXPECT_GT(accepted, 0);
  EXPECT_LT(accepted, 10'000);
}

class SafetensorsFileTest : public testing::Test {
 protected:
  const std::string path_ = testing::TempDir() + "/file.safetensors";
};

TEST_F(SafetensorsFileTest, ReadsEveryDtypeAtAnyAlignment) {
  TensorMap tensors;
  for (at::ScalarType dtype :
       {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble, at::kInt, at::kLong, at::kByte}) {
    tensors[absl::StrCat("t", static_cast<int>(dtype))] = at::arange(15, dtype).reshape({3, 5});
  }
  const std::string bytes = SafetensorsBytes(tensors);
  const std::string header = bytes.substr(8, bytes.find("}}") + 2 - 8);
  const std::string data = bytes.substr(8 + header.size());
  for (size_t padding = 0; padding < 9; ++padding) {
    const std::string padded = header + std::string(padding, ' ');
    ASSERT_TRUE(WriteFile(path_, SafetensorsBytes(padded, data)).ok());
    const auto file = SafetensorsFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    for (const auto& [name, written] : tensors) {
      const auto read = file->Read(name);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(read->scalar_type(), written.scalar_type());
      EXPECT_TRUE(at::equal(*read, written)) << name << " with padding " << padding;
      const auto address = reinterpret_cast<uintptr_t>(read->const_data_ptr());
      EXPECT_EQ(address % read->element_size(), 0u);
    }
  }
}

TEST_F(SafetensorsFileTest, TensorsOutliveTheFile) {
  const at::Tensor written = at::arange(1000, at::kFloat);
  ASSERT_TRUE(WriteFile(path_, SafetensorsBytes({{"t", written}})).ok());
  at::Tensor read;
  {
    const auto file = SafetensorsFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    read = *file->Read("t");
  }
  EXPECT_TRUE(at::equal(read, written));
}

TEST_F(SafetensorsFileTest, NamesWhatItCannotRead) {
  ASSERT_TRUE(
      WriteFile(path_, SafetensorsBytes(
                           R"({"f8":{"dtype":"F8_E4M3","shape":[2],"data_offsets":[0,2]}})", "xy"))
          .ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_THAT(std::string(file->Read("f8").status().message()),
              HasSubstr("file.safetensors: tensor f8: dtype F8_E4M3 is not supported"));
  EXPECT_THAT(std::string(file->Read("g").status().message()), HasSubstr("no tensor g"));
}

TEST_F(SafetensorsFileTest, RefusesWhatIsNoRegularFile) {
  const std::string pipe = testing::TempDir() + "/pipe.safetensors";
  mkfifo(pipe.c_str(), 0600);
  const struct {
    std::string path;
    const char* error;
  } cases[] = {{testing::TempDir(), "not a regular file"},
               {pipe, "not a regular file"},
               {"/dev/zero", "not a regular file"},
               {testing::TempDir() + "/missing", "cannot open"}};
  for (const auto& c : cases) {
    const auto file = SafetensorsFile::Open(c.path);
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(c.error));
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(c.path));
  }
  ASSERT_TRUE(WriteFile(path_, "").ok());
  EXPECT_THAT(std::string(SafetensorsFile::Open(path_).status().message()), HasSubstr("found 0"));
}

// Three pages of data behind the header.
at::Tensor ThreePages() { return at::arange(3 * 1024, at::kFloat); }

TEST_F(SafetensorsFileTest, SaysThatItChangedInUse) {
  const auto grow = [this] { std::filesystem::resize_file(path_, 100000); };
  const auto shrink = [this] { std::filesystem::resize_file(path_, 100); };
  const auto write_to = [this] {
    std::fstream(path_, std::ios::in | std::ios::out).seekp(5000) << "other";
    std::filesystem::last_write_time(
        path_, std::filesystem::file_time_type::clock::now() + std::chrono::seconds(1));
  };
  for (const std::function<void()>& change :
       {std::function<void()>(grow), std::function<void()>(shrink),
        std::function<void()>(write_to)}) {
    ASSERT_TRUE(WriteFile(path_, SafetensorsBytes({{"t", ThreePages()}})).ok());
    const auto file = SafetensorsFile::Open(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->Read("t").status(), absl::OkStatus());
    change();
    EXPECT_THAT(std::string(file->Read("t").status().message()),
                HasSubstr("file.safetensors: changed while it was in use: it had "));
    std::filesystem::remove(path_);
  }
}

// When the inode last changed, which nobody can set.
std::pair<time_t, long> ChangeTime(const std::string& path) {
  struct stat status = {};
  stat(path.c_str(), &status);
  return {status.st_ctim.tv_sec, status.st_ctim.tv_nsec};
}

TEST_F(SafetensorsFileTest, SaysThatItChangedThoughItsTimeWasSetBack) {
  ASSERT_TRUE(WriteFile(path_, SafetensorsBytes({{"t", ThreePages()}})).ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto written = std::filesystem::last_write_time(path_);
  const auto changed = ChangeTime(path_);
  while (ChangeTime(path_) == changed) {  // the kernel's clock has ticks
    std::fstream(path_, std::ios::in | std::ios::out).seekp(5000) << "other";
    std::filesystem::last_write_time(path_, written);
  }
  EXPECT_THAT(std::string(file->Read("t").status().message()),
              HasSubstr("file.safetensors: changed while it was in use"));
}

TEST_F(SafetensorsFileTest, IsWhatItWasWhenAnotherFileTakesItsName) {
  ASSERT_TRUE(WriteFile(path_, SafetensorsBytes({{"t", ThreePages()}})).ok());
  const auto file = SafetensorsFile::Open(path_);
  ASSERT_TRUE(file.ok()) << file.status();
  std::ofstream(path_ + ".new") << "other";
  std::filesystem::rename(path_ + ".new", path_);
  EXPECT_TRUE(at::equal(*file->Read("t"), ThreePages()));
}

TEST_F(SafetensorsFileTest, CutShortUnderATensorEndsWithAMessageNotASignal) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  // Aligned, so that the tensor is the mapped file's memory.
  std::string header = R"({"t":{"dtype":"F32","shape":[3072],"data_offsets":[0,12288]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  ASSERT_TRUE(WriteFile(path_, SafetensorsBytes(header, std::string(12288, 'x'))).ok());
  const auto cut_and_use = [this] {
    const at::Tensor tensor = *SafetensorsFile::Open(path_)->Read("t");
    std::filesystem::resize_file(path_, 1000);
    std::exit(tensor.sum().item<float>() > 0 ? 2 : 3);
  };
  EXPECT_EXIT(cut_and_use(), testing::ExitedWithCode(1),
              "file.safetensors: became shorter while it was in use");
}

}  // namespace
}  // namespace forensics::runner
