#include "schema/list_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace forensics::schema {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

class ListDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = absl::StrCat(testing::TempDir(), "/",
                         testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    fs::create_directories(root_ + "/a/b");
    fs::create_directories(root_ + "/c");
  }

  std::string root_;
};

TEST_F(ListDirectoryTest, EntriesAreSortedAndAMissingFolderIsNamed) {
  const auto entries = ListDirectory(root_);
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[0].path(), root_ + "/a");
  EXPECT_EQ((*entries)[1].path(), root_ + "/c");
  EXPECT_THAT(std::string(ListDirectory(root_ + "/x").status().message()),
              HasSubstr(root_ + "/x: No such file"));
}

TEST_F(ListDirectoryTest, LinksToFoldersAreFollowedOnce) {
  fs::create_directories(root_ + "_pod/d");
  fs::create_directory_symlink(root_ + "_pod", root_ + "/a/pod");
  fs::create_directory_symlink(root_ + "_pod", root_ + "/again");
  fs::create_directory_symlink("../c", root_ + "/a/c2");
  const FolderTree tree = ListFolders(root_);
  EXPECT_THAT(tree.problems, IsEmpty());
  EXPECT_EQ(tree.folders.size(), 6u);
  EXPECT_THAT(tree.folders, testing::Contains(root_ + "/a/pod/d"));
  fs::remove_all(root_ + "_pod");
}

TEST_F(ListDirectoryTest, LoopsEnd) {
  fs::create_directory_symlink(".", root_ + "/self");
  fs::create_directory_symlink("../..", root_ + "/a/out");
  fs::create_directory_symlink("../c", root_ + "/a/c");
  fs::create_directory_symlink("../a", root_ + "/c/a");
  const FolderTree tree = ListFolders(root_);
  EXPECT_THAT(tree.problems, IsEmpty());
  EXPECT_EQ(tree.folders.size(), 4u);
}

TEST_F(ListDirectoryTest, LinksWithoutTargetAreNamedAndTheOthersVisited) {
  fs::create_symlink("loop", root_ + "/loop");
  fs::create_symlink("nowhere", root_ + "/gone");
  const FolderTree tree = ListFolders(root_);
  EXPECT_EQ(tree.folders.size(), 4u);
  EXPECT_THAT(tree.problems,
              ElementsAre(HasSubstr(root_ + "/gone: No such file"),
                          AllOf(HasSubstr(root_ + "/loop: "), HasSubstr("symbolic links"))));
}

TEST_F(ListDirectoryTest, AFolderThatCannotBeReadIsNamedAndTheOthersVisited) {
  if (geteuid() == 0) GTEST_SKIP() << "root reads everything";
  fs::permissions(root_ + "/a", fs::perms::none);
  const FolderTree tree = ListFolders(root_);
  fs::permissions(root_ + "/a", fs::perms::owner_all);
  EXPECT_THAT(tree.folders, ElementsAre(root_, root_ + "/c"));
  EXPECT_THAT(tree.problems, ElementsAre(HasSubstr(root_ + "/a: Permission denied")));
}

}  // namespace
}  // namespace forensics::schema
