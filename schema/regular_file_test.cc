#include "schema/regular_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::schema {
namespace {

TEST(OpenRegularFile, OpensFilesAlone) {
  const std::string file = testing::TempDir() + "/file", pipe = testing::TempDir() + "/pipe";
  std::ofstream(file) << "text";
  const auto opened = OpenRegularFile(file);
  ASSERT_TRUE(opened.ok()) << opened.status();
  char bytes[8] = {};
  EXPECT_EQ(read(*opened, bytes, sizeof bytes), 4);
  close(*opened);
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::pair<std::string, const char*> cases[] = {
      {testing::TempDir(), ": is a directory, expected a file"},
      {pipe, ": is no regular file"},  // not waited for
      {"/dev/zero", ": is no regular file"},
      {file + "2", ": cannot be opened: No such file"}};
  for (const auto& [path, message] : cases) {
    EXPECT_THAT(std::string(OpenRegularFile(path).status().message()),
                testing::StartsWith(path + message));
    EXPECT_EQ(ReadRegularFile(path).status(), OpenRegularFile(path).status());
  }
  EXPECT_EQ(ReadRegularFile(file).value_or("none"), "text");
  EXPECT_TRUE(absl::IsNotFound(ReadRegularFile(file + "2").status()));
}

TEST(OpenRegularFileToAppend, MakesAndAppendsToFilesAlone) {
  const std::string folder = testing::TempDir() + "/new/folder", file = folder + "/file";
  for (const char* expected : {"x", "xx"}) {
    const auto opened = OpenRegularFileToAppend(file);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(write(*opened, "x", 1), 1);
    close(*opened);
    EXPECT_EQ(ReadRegularFile(file).value_or("none"), expected);
  }
  const std::string pipe = folder + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  const std::pair<std::string, const char*> cases[] = {
      {folder, ": cannot be opened: Is a directory"},
      {pipe, ": is no regular file"},
      {"/dev/null", ": is no regular file"},
      {file + "/below", ": cannot be opened: Not a directory"}};
  for (const auto& [path, message] : cases) {
    EXPECT_THAT(std::string(OpenRegularFileToAppend(path).status().message()),
                testing::StartsWith(path + message));
  }
}

}  // namespace
}  // namespace forensics::schema
