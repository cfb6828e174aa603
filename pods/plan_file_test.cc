#include "pods/plan_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "schema/atomic_file.h"

namespace forensics::pods {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kCommit[] = "0123456789abcdef0123456789abcdef01234567";
constexpr char kSmallest[] = R"(name: "p" machine { device: "cuda" } experiments { id: 0 })";

absl::StatusOr<Plan> Parse(const std::string& more, const PlanOverrides& overrides = {}) {
  return ParsePlan("my.textproto", absl::StrCat(kSmallest, "\n", more), overrides);
}

void ExpectWrong(const std::string& more, const std::string& problem) {
  const absl::StatusOr<Plan> plan = Parse(more);
  ASSERT_TRUE(absl::IsInvalidArgument(plan.status())) << more;
  EXPECT_THAT(std::string(plan.status().message()),
              HasSubstr(absl::StrCat("my.textproto: ", problem)));
}

TEST(PlanFileTest, DefaultsAreFilledIn) {
  const absl::StatusOr<Plan> plan = Parse("");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->folder(), "pod");
  EXPECT_EQ(plan->machine().gpus(), 1);
  EXPECT_EQ(plan->machine().price_per_hour(), 0);
  EXPECT_EQ(plan->limits().retries(), 3);
  EXPECT_EQ(plan->limits().backoff_seconds(), 10);
  EXPECT_EQ(plan->disk().results_gigabytes(), 2);
}

TEST(PlanFileTest, ASyntaxErrorHasItsPlace) {
  const absl::StatusOr<Plan> plan = Parse("limits { retrys: 3 }");
  ASSERT_TRUE(absl::IsInvalidArgument(plan.status()));
  EXPECT_THAT(std::string(plan.status().message()),
              AllOf(HasSubstr("my.textproto:2:16"), HasSubstr("no field named \"retrys\"")));
}

TEST(PlanFileTest, EverythingThatIsWrongIsSaidAtOnce) {
  ExpectWrong("experiments { id: 99 }", "experiments.id: expected 0 to ");
  ExpectWrong("experiments { id: 0 }", "experiment 0 stands there twice");
  ExpectWrong("limits { backoff_seconds: nan }", "limits.backoff_seconds: expected a number");
  ExpectWrong("experiments { id: 4 minutes: 1e308 }",
              "experiment 4.minutes: expected a number of at least 0 and at most 1e+09");
  ExpectWrong("models { quant_method: \"gptq\" directory: \"/m\" }",
              "models: the first is the reference's, which is awq");
  ExpectWrong("models { quant_method: \"awq\" }",
              "models awq: expected either a repository or a directory");
  ExpectWrong("models { quant_method: \"awq\" directory: \"/m\" } experiments { id: 3 }",
              "experiment 3: models has nothing for any of gptq, bnb");
  ExpectWrong("cuda_versions { version: \"11.8\" }",
              "cuda_versions: each needs version and directory");
  ExpectWrong(
      "cuda_versions { version: \"12.8\" directory: \"/a\" } "
      "cuda_versions { version: \"128\" directory: \"/b\" }",
      "cuda_versions: 128 stands there twice");
  const absl::StatusOr<Plan> machine =
      ParsePlan("p", "machine { device: \"tpu\" price_per_hour: -1 } experiments { id: 0 }", {});
  EXPECT_THAT(std::string(machine.status().message()),
              AllOf(HasSubstr("p: name is missing\n"),
                    HasSubstr("p: machine.device: expected cpu or cuda, found \"tpu\"\n"),
                    HasSubstr("p: machine.price_per_hour: expected a number of at least 0")));
  const absl::StatusOr<Plan> plan =
      Parse("experiments { id: 99 } prompt { decode_steps: -1 } limits { retries: -1 }");
  EXPECT_THAT(
      std::string(plan.status().message()),
      AllOf(HasSubstr("found 99"), HasSubstr("must not be negative"), HasSubstr("limits.retries")));
}

// What a misspelt name would run is nothing, which looks like success.
TEST(PlanFileTest, OnlyNamesConfigurationsThatCanBeRun) {
  const std::string builds = "cuda_versions { version: \"12.8\" directory: \"/c\" } ";
  EXPECT_TRUE(Parse("experiments { id: 4 only: \"eager\" }").ok());
  EXPECT_TRUE(Parse(builds + "experiments { id: 6 only: \"cu128\" }").ok());
  EXPECT_TRUE(Parse("experiments { id: 6 only: \"cu121\" }").ok());
  ExpectWrong("experiments { id: 4 only: \"eagre\" }",
              "experiment 4.only: expected some of eager, as models and cuda_versions have them, "
              "found \"eagre\"");
  ExpectWrong(builds + "experiments { id: 6 only: \"cu121\" }",
              "experiment 6.only: expected some of cu128");
  ExpectWrong(
      "models { quant_method: \"awq\" directory: \"/m\" } "
      "models { quant_method: \"bnb\" directory: \"/b\" } "
      "experiments { id: 3 only: \"gptq\" }",
      "experiment 3.only: expected some of bnb");
  ExpectWrong("cuda_versions { version: \"12.5\" directory: \"/c\" } experiments { id: 6 }",
              "experiment 6: cuda_versions has nothing for any of cu118, cu121, cu126, cu128");
}

TEST(PlanFileTest, TheReferenceComesFirstOrFromAnotherMachine) {
  const auto parse = [](const char* rest) {
    return ParsePlan("p", absl::StrCat("name: \"p\" machine { device: \"cpu\" } ", rest), {});
  };
  EXPECT_FALSE(parse("experiments { id: 1 } experiments { id: 0 }").ok());
  EXPECT_FALSE(parse("experiments { id: 7 }").ok());
  EXPECT_TRUE(parse("experiments { id: 7 } others { reference: \"/r\" }").ok());
  EXPECT_FALSE(parse("").ok());
}

// A branch is another model tomorrow.
TEST(PlanFileTest, ARevisionIsACommit) {
  const auto model = [](const std::string& revision) {
    return absl::StrCat("models { quant_method: \"awq\" repository: \"org/M-AWQ\" ", revision,
                        " }");
  };
  const absl::StatusOr<Plan> plan = Parse(model(absl::StrCat("revision: \"", kCommit, "\"")));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->models(0).revision(), kCommit);
  for (const std::string revision : {"", "main", "v1.0", "0123456789abcdef0123456789abcdef0123456",
                                     "0123456789ABCDEF0123456789ABCDEF01234567"}) {
    ExpectWrong(model(absl::StrCat("revision: \"", revision, "\"")),
                absl::StrCat(
                    "models awq: revision: expected a commit of org/M-AWQ, 40 hex digits, found \"",
                    revision, "\""));
  }
  // Not asked for where nothing is fetched.
  const absl::StatusOr<Plan> brought = Parse(model(""), {"", "/models"});
  ASSERT_TRUE(brought.ok()) << brought.status();
  EXPECT_EQ(brought->models(0).directory(), "/models/M-AWQ");
  EXPECT_EQ(brought->models(0).repository(), "");
}

std::string Fetched(const std::string& method, const std::string& repository) {
  return absl::StrCat("models { quant_method: \"", method, "\" repository: \"", repository,
                      "\" revision: \"", kCommit, "\" } ");
}

// Its folder is made from it, and deleted.
TEST(PlanFileTest, ARepositoryIsOwnerAndName) {
  EXPECT_TRUE(Parse(Fetched("awq", "Qu1xi-AI/Qwen3-30B_A3.1B-AWQ")).ok());
  for (const std::string repository :
       {"..", ".", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a/.b", "a/b.", "-a/b", "a--b/c",
        "a/b--c", "a/b..c", "a b/c", "a/b\\n"}) {
    ExpectWrong(Fetched("awq", repository), "models awq: repository: expected owner/name");
    // Not even where it is only looked for in a folder.
    EXPECT_FALSE(Parse(Fetched("awq", repository), {"", "/models"}).ok()) << repository;
  }
}

// The reference's model would be deleted with the quantised one.
TEST(PlanFileTest, EachModelHasAFolderOfItsOwn) {
  ExpectWrong(Fetched("awq", "a/Q") + Fetched("gptq", "a/Q"),
              "models gptq: pod/models/a--Q is the folder of awq, too");
  EXPECT_TRUE(Parse(Fetched("awq", "a/Q") + Fetched("gptq", "b/Q")).ok());
  const absl::StatusOr<Plan> brought =
      Parse(Fetched("awq", "a/Q") + Fetched("gptq", "b/Q"), {"", "/models"});
  EXPECT_THAT(std::string(brought.status().message()),
              HasSubstr("models gptq: /models/Q is the folder of awq, too"));
  ExpectWrong(
      "models { quant_method: \"awq\" directory: \"/m/x\" } "
      "models { quant_method: \"gptq\" directory: \"/m/./x/\" }",
      "models gptq: /m/x is the folder of awq, too");
  ExpectWrong("models { quant_method: \"awq\" directory: \"pod/models/a--Q\" } ",
              "models awq: directory: pod/models/a--Q is where models are fetched to and deleted");
}

TEST(PlanFileTest, PathsAreWhereTheUserIs) {
  setenv("BUILD_WORKING_DIRECTORY", "/typed/here", 1);
  const absl::StatusOr<Plan> plan = Parse(
      "prompt { document: \"a.pdf\" neighbours: \"/b.pdf\" } cuda_versions { version: \"11.8\" "
      "directory: \"../c\" }",
      {"out", ""});
  unsetenv("BUILD_WORKING_DIRECTORY");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->folder(), "/typed/here/out");
  EXPECT_EQ(plan->prompt().document(), "/typed/here/a.pdf");
  EXPECT_EQ(plan->prompt().neighbours(0), "/b.pdf");
  EXPECT_EQ(plan->cuda_versions(0).directory(), "/typed/c");
}

// The plans that come along: with commits filled in they are whole; without they say so.
TEST(PlanFileTest, PlansThatComeAlong) {
  for (const char* name : {"single_gpu", "four_gpu", "mini_cpu"}) {
    const std::string path = absl::StrCat("pods/plans/", name, ".textproto");
    const absl::StatusOr<std::string> text = schema::ReadFile(path);
    ASSERT_TRUE(text.ok()) << text.status();
    const std::string pinned = absl::StrReplaceAll(
        *text, {{"revision: \"\"", absl::StrCat("revision: \"", kCommit, "\"")}});
    const absl::StatusOr<Plan> plan = ParsePlan(path, pinned, {});
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->machine().price_per_hour(), 0) << name << ": a price is the user's to know";
    EXPECT_EQ(ReadPlan(path, {}).ok(), plan->models().empty()) << name;
    EXPECT_TRUE(ReadPlan(path, {"", "/models"}).ok()) << name;
  }
}

}  // namespace
}  // namespace forensics::pods
