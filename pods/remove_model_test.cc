#include "pods/remove_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

class RemoveModelTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(folder_);
    fs::create_directories(models_);
    model_.set_repository("org/gptq");
  }

  // A folder with weights and a file that says where they come from.
  std::string Make(const std::string& name, const std::string& file, const std::string& text) {
    const std::string directory = absl::StrCat(models_, "/", name);
    EXPECT_TRUE(schema::WriteFileAtomically(directory + "/weights/a.safetensors", "x").ok());
    EXPECT_TRUE(schema::WriteFileAtomically(absl::StrCat(directory, "/", file), text).ok());
    return directory;
  }

  const std::string folder_ = testing::TempDir() + "/pod";
  const std::string models_ = folder_ + "/models";
  Model model_;
};

TEST_F(RemoveModelTest, WhatWasFetchedWhollyOrInPartGoes) {
  for (const auto& [file, text] : {std::pair("SHA256SUMS", "# org/gptq main 0123\n"),
                                   std::pair(".commit", "org/gptq main 0123\n")}) {
    const std::string directory = Make("org--gptq", file, text);
    EXPECT_TRUE(RemoveModel(models_, directory, model_).ok());
    EXPECT_FALSE(fs::exists(directory));
    EXPECT_TRUE(RemoveModel(models_, directory, model_).ok()) << "it is gone already";
  }
}

// Killed before it wrote anything, or while it wrote its first file.
TEST_F(RemoveModelTest, WhatAFetchBarelyBeganGoes) {
  const std::string directory = models_ + "/org--gptq";
  for (const std::vector<std::string>& files :
       {std::vector<std::string>{}, std::vector<std::string>{".commit.tmp"}}) {
    fs::create_directory(directory);
    for (const std::string& file : files) std::ofstream(directory + "/" + file) << "org/gp";
    const absl::Status status = RemoveModel(models_, directory, model_);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_FALSE(fs::exists(directory));
  }
}

TEST_F(RemoveModelTest, NothingElseGoes) {
  const std::string kept = Make("org--awq", "SHA256SUMS", "# org/awq main 0123\n");
  const std::string brought = Make("org--gptq", "README.md", "mine\n");
  const std::string beside = Make("beside", ".commit.tmp", "org/gptq main 0123\n");
  const std::string prefix = Make("longer", ".commit", "org/gptq-2 main 0123\n");
  fs::create_directory_symlink(Make("other", ".commit", "org/gptq main 0\n"), models_ + "/link");
  ASSERT_TRUE(schema::WriteFileAtomically(folder_ + "/.commit", "org/gptq main 0123\n").ok());
  for (const std::string& directory : {kept, brought, beside, prefix, models_ + "/link",
                                       models_ + "/..", models_ + "/", models_, folder_}) {
    const absl::Status status = RemoveModel(models_, directory, model_);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << directory << ": " << status;
    EXPECT_THAT(std::string(status.message()), testing::HasSubstr(directory));
  }
  for (const std::string& directory : {kept, brought, beside, prefix, models_ + "/other"}) {
    EXPECT_TRUE(fs::exists(directory + "/weights/a.safetensors")) << directory;
  }
}

}  // namespace
}  // namespace forensics::pods
