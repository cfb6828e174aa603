#include "schema/file_identity.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::schema {
namespace {

namespace fs = std::filesystem;

class FileIdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_ / "d");
  }

  std::string Path(const std::string& name) const { return (folder_ / name).string(); }

  fs::path folder_;
};

TEST_F(FileIdentityTest, OneFileUnderManyNames) {
  std::ofstream(Path("file")) << "x";
  std::ofstream(Path("other")) << "x";
  fs::create_symlink("file", Path("link"));
  fs::create_hard_link(Path("file"), Path("hard"));
  for (const char* name : {"d/../file", "link", "hard"}) {
    EXPECT_EQ(FileIdentity(Path(name)), FileIdentity(Path("file"))) << name;
  }
  EXPECT_NE(FileIdentity(Path("other")), FileIdentity(Path("file")));
}

TEST_F(FileIdentityTest, AFileThatIsNotThereYet) {
  fs::create_symlink("new", Path("link"));
  for (const char* name : {"d/../new", "link"}) {
    EXPECT_EQ(FileIdentity(Path(name)), FileIdentity(Path("new"))) << name;
  }
  EXPECT_NE(FileIdentity(Path("newer")), FileIdentity(Path("new")));
}

TEST_F(FileIdentityTest, LinksAreFollowedToTheirEnd) {
  fs::create_symlink("d/second", Path("first"));
  fs::create_symlink("../file", Path("d/second"));
  const auto end = FollowLinks(Path("first"));
  ASSERT_TRUE(end.ok()) << end.status();
  EXPECT_EQ(fs::weakly_canonical(*end), fs::weakly_canonical(Path("file")));
  fs::create_symlink("ring", Path("ring"));
  EXPECT_THAT(std::string(FollowLinks(Path("ring")).status().message()),
              testing::HasSubstr("ring: too many symbolic links"));
  fs::create_symlink("/proc/self/fd/1", Path("stdout"));
  EXPECT_EQ(OwnDescriptor(FollowLinks(Path("stdout")).value()), 1);
  EXPECT_EQ(OwnDescriptor(Path("1")), -1);
}

TEST_F(FileIdentityTest, OutputsAreNoInputsAndNotEachOther) {
  std::ofstream(Path("in")) << "x";
  const auto message = [&](const std::string& first, const std::string& second) {
    return std::string(CheckOutputsAreDistinct({{"--a", first}, {"--b", second}, {"--c", ""}},
                                               {Path("in"), Path("in")})
                           .message());
  };
  EXPECT_EQ(message(Path("x"), Path("y")), "");
  EXPECT_EQ(message(Path("x"), Path("d/../x")),
            "--b: " + Path("d/../x") + " is the same file as --a");
  EXPECT_EQ(message(Path("d/../in"), ""),
            "--a: " + Path("d/../in") + " is the same file as the input " + Path("in"));
  ASSERT_EQ(mkfifo(Path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(message(Path("pipe"), Path("pipe")), "");
}

TEST_F(FileIdentityTest, OneOwnDescriptorMayBeTwoOutputs) {
  const int fd = open(Path("out").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  const int other = open(Path("out").c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(fd, 0);
  ASSERT_GE(other, 0);
  const std::string own = absl::StrCat("/dev/fd/", fd);
  fs::create_symlink(own, Path("link"));
  const auto check = [&](const std::string& second, const std::vector<std::string>& inputs) {
    return CheckOutputsAreDistinct({{"--a", own}, {"--b", second}}, inputs);
  };
  EXPECT_TRUE(check(own, {}).ok());
  EXPECT_TRUE(check(Path("link"), {}).ok());
  EXPECT_FALSE(check(Path("out"), {}).ok()) << "replaces what was written to the descriptor";
  EXPECT_FALSE(check(absl::StrCat("/dev/fd/", other), {}).ok()) << "each at its own place";
  EXPECT_FALSE(check("", {Path("out")}).ok()) << "an input is not written to";
  close(fd);
  close(other);
}

}  // namespace
}  // namespace forensics::schema
