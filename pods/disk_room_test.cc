#include "pods/disk_room.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "schema/atomic_file.h"

namespace forensics::pods {
namespace {

using testing::HasSubstr;

TEST(DiskRoomTest, WhatLiesThereCounts) {
  Plan plan;
  plan.set_folder(testing::TempDir() + "/room");
  const std::string models = plan.folder() + "/models";
  std::filesystem::create_directories(models);
  EXPECT_EQ(GigabytesIn(models), 0);
  EXPECT_EQ(GigabytesIn("/nowhere"), 0);
  ASSERT_TRUE(schema::WriteFileAtomically(models + "/a/b/weights", std::string(5000, 'x')).ok());
  ASSERT_TRUE(schema::WriteFileAtomically(models + "/c", std::string(1000, 'x')).ok());
  EXPECT_DOUBLE_EQ(GigabytesIn(models), 6000e-9);
  EXPECT_TRUE(CheckRoom(plan, 4000e-9).ok());
  plan.mutable_disk()->set_budget_gigabytes(10000e-9);
  EXPECT_TRUE(CheckRoom(plan, 3900e-9).ok());
  const absl::Status status = CheckRoom(plan, 4100e-9);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("GB would lie together, the budget is"));
}

TEST(DiskRoomTest, ADiskThatIsTooSmall) {
  Plan plan;
  plan.set_folder(testing::TempDir());
  const absl::Status status = CheckRoom(plan, 1e9);
  EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("GB free, a model of 1000000000.0 is to be"));
}

TEST(IsDiskFullTest, WhereNothingIsFree) {
  EXPECT_TRUE(IsDiskFull("/proc"));
  EXPECT_FALSE(IsDiskFull(testing::TempDir()));
  EXPECT_FALSE(IsDiskFull("/nowhere")) << "of which nothing is known";
}

}  // namespace
}  // namespace forensics::pods
