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
  }
}

}  // namespace
}  // namespace forensics::schema
