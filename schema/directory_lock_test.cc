#include "schema/directory_lock.h"

#include <gtest/gtest.h>

#include "schema/atomic_file.h"

namespace forensics::schema {
namespace {

TEST(DirectoryLockTest, OneHolderAtATime) {
  const std::string directory = testing::TempDir() + "/a/b";
  {
    const auto first = DirectoryLock::Acquire(directory);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(DirectoryLock::Acquire(directory).status().code(),
              absl::StatusCode::kFailedPrecondition);
    EXPECT_TRUE(DirectoryLock::Acquire(directory + "/c").ok());
  }
  EXPECT_TRUE(DirectoryLock::Acquire(directory).ok());
}

TEST(DirectoryLockTest, NoDirectoryNoLock) {
  ASSERT_TRUE(WriteFileAtomically(testing::TempDir() + "/file", "").ok());
  EXPECT_FALSE(DirectoryLock::Acquire(testing::TempDir() + "/file").ok());
}

}  // namespace
}  // namespace forensics::schema
