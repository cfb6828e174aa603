#include "pods/step_work.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "pods/model_identity.h"
#include "pods/plan_file.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"

namespace forensics::pods {
namespace {

class StepWorkTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  void Write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(Path(name)).parent_path());
    std::ofstream(Path(name), std::ios::binary) << text;
  }

  // Of exp0, with these lines in the plan, and these in its `machine`.
  StepWork Work(const std::string& lines, const std::string& machine = "") const {
    const auto plan =
        ParsePlan("plan",
                  absl::StrCat("name: \"p\" experiments { id: 0 } folder: \"", folder_,
                               "\" machine { device: \"cpu\" ", machine, "} ", lines),
                  {});
    EXPECT_TRUE(plan.ok()) << plan.status();
    if (!plan.ok()) return {};
    const auto steps =
        MakeSteps(*plan, [this](const std::string& name) { return Path("bundle/bin/" + name); });
    for (const Step& step : steps) {
      if (step.id != "exp0") continue;
      FileDigests digests(folder_);
      const auto work = WorkOf(*plan, step, digests);
      EXPECT_TRUE(work.ok()) << work.status();
      return work.value_or(StepWork());
    }
    return {};
  }

  std::string Fetched(const std::string& revision) const {
    return absl::StrCat("models { quant_method: \"awq\" repository: \"org/awq\" revision: \"",
                        revision, "\" }");
  }
  std::string Lying(const std::string& name) const {
    return absl::StrCat("models { quant_method: \"awq\" directory: \"", Path(name), "\" }");
  }

  const std::string folder_ = absl::StrCat(
      testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(StepWorkTest, WhatThePlanDoesNotSayIsWhatTheExperimentsSay) {
  EXPECT_EQ(WorkDifference(Work("prompt { document_tokens: 6000 decode_steps: 30 }"), Work("")),
            "");
  EXPECT_EQ(WorkDifference(Work("prompt { document_tokens: 100 }"), Work("")),
            "document_tokens is 100, expected 6000");
  const auto spec = schema::ReadFile("runner/experiments/reference.textproto");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_NE(spec->find(absl::StrCat("document_tokens: ", kDefaultDocumentTokens)), spec->npos);
  EXPECT_NE(spec->find(absl::StrCat("decode_steps: ", kDefaultDecodeSteps)), spec->npos);
}

TEST_F(StepWorkTest, AFetchedModelIsItsCommit) {
  const std::string one(40, '1'), two(40, '2');
  EXPECT_EQ(WorkDifference(Work(Fetched(one)), Work(Fetched(two))),
            absl::StrCat("model is org/awq ", one, ", expected org/awq ", two));
}

// Whether it is fetched, or lay there when the plan went on.
TEST_F(StepWorkTest, TheSameFilesAreTheSameModel) {
  const std::string one(40, '1'), two(40, '2');
  Write("m1/config.json", "{}");
  Write("m1/model.safetensors", "weights");
  Write("models/org--awq/SHA256SUMS",
        absl::StrCat("# org/awq ", one, " ", one, "\n", schema::Sha256Hex("{}"), "  config.json\n",
                     schema::Sha256Hex("weights"), "  model.safetensors\n"));
  const StepWork fetched = Work(Fetched(one)), lying = Work(Lying("m1"));
  EXPECT_EQ(WorkDifference(fetched, lying), "");
  EXPECT_EQ(WorkDifference(lying, fetched), "");
  Write("m1/model.safetensors", "others!");
  EXPECT_NE(WorkDifference(fetched, Work(Lying("m1"))), "");
  // Deleted since, it is known by its commit.
  std::filesystem::remove_all(Path("models"));
  EXPECT_EQ(WorkDifference(fetched, Work(Fetched(one))), "");
  EXPECT_EQ(WorkDifference(fetched, Work(Fetched(two))),
            absl::StrCat("model is org/awq ", one, ", expected org/awq ", two));
}

TEST_F(StepWorkTest, AModelThatLiesThereIsTheDigestThatManifestsState) {
  Write("m1/config.json", "{}");
  Write("m1/model.safetensors", "weights");
  Write("m1/README.md", "of no account");
  const std::string digest =
      schema::Sha256Hex(absl::StrCat(schema::Sha256Hex("{}"), "  config.json\n",
                                     schema::Sha256Hex("weights"), "  model.safetensors\n"));
  EXPECT_EQ(Work(Lying("m1"))["model"], digest);
  // Elsewhere it is the same model.
  std::filesystem::copy(Path("m1"), Path("m2"));
  EXPECT_EQ(WorkDifference(Work(Lying("m1")), Work(Lying("m2"))), "");
  Write("m2/model.safetensors", "others!");
  EXPECT_NE(WorkDifference(Work(Lying("m1")), Work(Lying("m2"))), "");
  // Gone, it may have been any.
  std::filesystem::remove_all(Path("m2"));
  EXPECT_EQ(WorkDifference(Work(Lying("m1")), Work(Lying("m2"))), "");
}

TEST_F(StepWorkTest, AFileIsReadAgainOnlyIfItChanged) {
  Write(".forensics_folder", "");
  Write("text.txt", "one");
  const std::string line = absl::StrCat("prompt { document: \"", Path("text.txt"), "\" }");
  EXPECT_EQ(Work(line)["document"], schema::Sha256Hex("one"));
  const auto cache = schema::ReadFile(Path("stamps/files"));
  ASSERT_TRUE(cache.ok()) << cache.status();
  // What is remembered is taken: another digest there is believed, if it was meant.
  const std::string lines =
      absl::StrCat(std::string(64, '0'), cache->substr(64, cache->find('\n') + 1 - 64));
  Write("stamps/files", lines);
  EXPECT_EQ(Work(line)["document"], schema::Sha256Hex("one"));
  Write("stamps/files",
        absl::StrCat(lines, "# sha256 of the lines above: ", schema::Sha256Hex(lines), "\n"));
  EXPECT_EQ(Work(line)["document"], std::string(64, '0'));
  Write("text.txt", "other");
  EXPECT_EQ(Work(line)["document"], schema::Sha256Hex("other"));
}

TEST_F(StepWorkTest, AFileOfTheSameLengthAndTimeIsAnother) {
  Write(".forensics_folder", "");
  Write("text.txt", "one");
  const std::string line = absl::StrCat("prompt { document: \"", Path("text.txt"), "\" }");
  EXPECT_EQ(Work(line)["document"], schema::Sha256Hex("one"));
  const auto time = std::filesystem::last_write_time(Path("text.txt"));
  usleep(20000);  // more than a tick of the system's clock, by which it dates changes
  Write("text.txt", "two");
  std::filesystem::last_write_time(Path("text.txt"), time);
  EXPECT_EQ(Work(line)["document"], schema::Sha256Hex("two"));
}

// A link without its file is no model, and not one that was deleted either.
TEST_F(StepWorkTest, AMissingWeightFileIsAnError) {
  Write("m1/config.json", "{}");
  std::filesystem::create_symlink("nowhere", Path("m1/model.safetensors"));
  FileDigests digests(folder_);
  const absl::Status status = ModelIdentity(Model(), Path("m1"), digests).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find(Path("m1/model.safetensors")), std::string::npos) << status;
}

TEST_F(StepWorkTest, WhatIsKnownIsNeverReplacedByWhatIsNot) {
  Write("m1/config.json", "{}");
  Write("m1/model.safetensors", "weights");
  const auto plan = ParsePlan("plan",
                              absl::StrCat("name: \"p\" experiments { id: 0 } folder: \"", folder_,
                                           "\" machine { device: \"cpu\" } ", Lying("m1")),
                              {});
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto steps = MakeSteps(*plan, [](const std::string& name) { return name; });
  FileDigests digests(folder_);
  ASSERT_TRUE(WriteWorkStamp(*plan, steps.front(), digests).ok());
  const auto known = schema::ReadFile(Path("stamps/trial"));
  ASSERT_TRUE(known.ok()) << known.status();
  std::filesystem::remove_all(Path("m1"));
  ASSERT_TRUE(WriteWorkStamp(*plan, steps.front(), digests).ok());
  EXPECT_EQ(schema::ReadFile(Path("stamps/trial")).value_or(""), *known);
}

TEST_F(StepWorkTest, AnotherBundleIsOtherWork) {
  Write("bundle/MANIFEST", "bundle forensics\ncontent 11\ntorch 2.11.0\ncuda 13.0\nfile x\n");
  const StepWork one = Work("");
  EXPECT_EQ(one.at("torch"), "2.11.0");
  Write("bundle/MANIFEST", "bundle forensics\ncontent 22\ntorch 2.10.0\ncuda 12.8\nfile x\n");
  EXPECT_EQ(WorkDifference(one, Work("")),
            "bundle is 11, expected 22; cuda is 13.0, expected 12.8; torch is 2.11.0, expected "
            "2.10.0");
}

TEST_F(StepWorkTest, WhereResultsGoIsNoPartOfIt) {
  EXPECT_EQ(WorkDifference(Work("", "hardware: \"A\" provider: \"x\""), Work("")), "");
  EXPECT_EQ(WorkDifference(Work("", "threads: 2"), Work("")), "threads is 2, expected none");
}

TEST_F(StepWorkTest, IsReadAsItIsWritten) {
  const StepWork work = {{"model", "org/awq 1"}, {"decode_steps", "30"}};
  EXPECT_EQ(ParseWork(WorkText(work)), work);
}

}  // namespace
}  // namespace forensics::pods
