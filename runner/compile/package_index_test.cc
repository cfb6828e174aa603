#include "runner/compile/package_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

PackageKey Key() {
  PackageKey key;
  key.dtype = "float32";
  key.hidden = 64;
  key.heads = 4;
  key.kv_heads = 2;
  key.head_dim = 16;
  key.eps = 1e-5;
  key.widths = {96, 48};
  return key;
}

class PackageIndexTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
    Write("a.pt2", kContent);
    WriteIndex(Entry("a.pt2", kContent));
  }

  void Write(const std::string& file, const std::string& content) const {
    std::ofstream(folder_ + "/" + file) << content;
  }
  void WriteIndex(const std::string& entries) const {
    Write("index.json", absl::StrCat(R"({"format_version": 1, "packages": [)", entries, "]}"));
  }
  static std::string Entry(const std::string& file, const std::string& content) {
    return absl::StrCat(R"({"file": ")", file, R"(", "dtype": "float32", "dims": ")", Key().Dims(),
                        R"(", "torch": "2.11.0", "bytes": )", content.size(), R"(, "sha256": ")",
                        schema::Sha256Hex(content), "\"}");
  }
  // The error of looking for Key() with torch 2.11.0.
  std::string Error(const PackageKey& key = Key()) const {
    return std::string(FindPackage(folder_, key, "2.11.0").status().message());
  }

  static constexpr char kContent[] = "not really a package";
  std::string folder_;
};

TEST_F(PackageIndexTest, FindsAWholePackage) {
  const auto entry = FindPackage(folder_, Key(), "2.11.0");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->file, "a.pt2");
  EXPECT_EQ(entry->sha256, schema::Sha256Hex(kContent));
}

TEST_F(PackageIndexTest, ACutPackageNamesFileAndSizes) {
  Write("a.pt2", "not really");
  EXPECT_THAT(Error(), AllOf(HasSubstr("a.pt2: expected 20 bytes (index.json), found 10"),
                             HasSubstr("bazel run //runner/compile:build_packages")));
}

TEST_F(PackageIndexTest, AChangedPackageNamesFileAndDigests) {
  const std::string changed = "not really a pockage";
  Write("a.pt2", changed);
  EXPECT_THAT(Error(),
              HasSubstr(absl::StrCat("a.pt2: expected SHA-256 ", schema::Sha256Hex(kContent),
                                     " (index.json), found ", schema::Sha256Hex(changed))));
}

TEST_F(PackageIndexTest, AMissingFileIsNamed) {
  std::filesystem::remove(folder_ + "/a.pt2");
  EXPECT_THAT(Error(), HasSubstr("a.pt2: No such file"));
}

TEST_F(PackageIndexTest, AnotherTorchVersionIsNamed) {
  const auto entry = FindPackage(folder_, Key(), "2.12.0");
  EXPECT_EQ(entry.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(entry.status().message()),
              HasSubstr("a.pt2: exported by torch 2.11.0, expected 2.12.0"));
}

TEST_F(PackageIndexTest, OtherDimensionsNameWhatIsMissingAndWhatIsThere) {
  PackageKey wide = Key();
  wide.hidden = 128;
  EXPECT_THAT(
      Error(wide),
      AllOf(HasSubstr("no compiled package for cpu, float32, hidden=128 heads=4 kv_heads=2"),
            HasSubstr("--dtype=float32 --output=" + folder_),
            HasSubstr("a.pt2: cpu, float32, hidden=64 heads=4")));
  PackageKey slice = Key();
  slice.heads = 2;
  slice.tp_size = 2;
  EXPECT_THAT(Error(slice), AllOf(HasSubstr("heads=2"), HasSubstr("--tp_size=2")));
  PackageKey half = Key();
  half.dtype = "bfloat16";
  EXPECT_THAT(Error(half), AllOf(HasSubstr("no compiled package for cpu, bfloat16, hidden=64"),
                                 HasSubstr("--dtype=bfloat16")));
}

TEST_F(PackageIndexTest, APackageBelongsToADevice) {
  PackageKey key = Key();
  key.device = PackageKey::CudaDevice(9, 0);
  EXPECT_THAT(Error(key),
              AllOf(HasSubstr("no compiled package for cuda sm_90, float32, hidden=64"),
                    HasSubstr("bazel run --config=cuda //runner/compile:build_packages"),
                    HasSubstr("--device=cuda"), HasSubstr("a.pt2: cpu, float32, hidden=64")));
  const std::string for_gpu = absl::StrReplaceAll(
      Entry("a.pt2", kContent),
      {{"\"dtype\"", "\"device\": \"cuda sm_90\", \"triton\": \"3.6.0\", \"dtype\""}});
  WriteIndex(for_gpu);
  const auto entry = FindPackage(folder_, key, "2.11.0");
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->triton, "3.6.0");
  EXPECT_THAT(Error(), HasSubstr("no compiled package for cpu"));
  key.device = PackageKey::CudaDevice(8, 0);
  EXPECT_THAT(Error(key), HasSubstr("no compiled package for cuda sm_80"));
  WriteIndex(absl::StrReplaceAll(for_gpu, {{"triton", "newton"}}));
  EXPECT_THAT(Error(key), HasSubstr("triton"));
}

TEST_F(PackageIndexTest, NoFolderAndNoIndexNameTheCommand) {
  const auto none = FindPackage("", Key(), "2.11.0");
  EXPECT_THAT(std::string(none.status().message()),
              AllOf(HasSubstr("--compiled_packages=DIR"), HasSubstr("hidden=64")));
  std::filesystem::remove(folder_ + "/index.json");
  EXPECT_THAT(Error(), AllOf(HasSubstr(folder_ + "/index.json"), HasSubstr("build_packages")));
}

TEST_F(PackageIndexTest, ADamagedIndexIsNamedWithItsField) {
  const std::string entry = Entry("a.pt2", kContent);
  struct Case {
    std::string index, message;
  };
  for (const Case& c :
       {Case{"{", "index.json"},
        {R"({"packages": []})", "format_version"},
        {R"({"format_version": 2, "packages": []})", "format_version: expected 1, found 2"},
        {R"({"format_version": 1})", "packages: expected an array"},
        {R"({"format_version": 1, "packages": [3]})", "packages[0]: expected an object"},
        {R"({"format_version": 1, "packages": [{}]})", "file"},
        {R"({"format_version": 1, "packages": [)" +
             absl::StrReplaceAll(entry, {{"a.pt2", "../a.pt2"}}) + "]}",
         "a name in the index's own folder"}}) {
    Write("index.json", c.index);
    EXPECT_THAT(Error(), HasSubstr(c.message)) << c.index;
  }
}

TEST(PackageKeyTest, DimsNameEverythingBuiltIn) {
  EXPECT_EQ(Key().Dims(),
            "hidden=64 heads=4 kv_heads=2 head_dim=16 qk_norm=0 eps=1e-05 experts=0 slots=0 "
            "normalise=0 widths=48,96");
}

}  // namespace
}  // namespace forensics::runner
