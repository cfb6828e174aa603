#include "pods/steps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "pods/plan_file.h"

namespace forensics::pods {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

constexpr char kModels[] = R"pb(
  models {
    quant_method: "awq"
    repository: "a/awq"
    revision: "1111111111111111111111111111111111111111"
    gigabytes: 17
  }
  models {
    quant_method: "gptq"
    repository: "a/gptq"
    revision: "2222222222222222222222222222222222222222"
    gigabytes: 16
  }
  models { quant_method: "bnb" directory: "/models/bnb" gigabytes: 18 }
)pb";

Plan Parse(const std::string& text, const PlanOverrides& overrides = {}) {
  const auto plan = ParsePlan(
      "plan", "name: \"p\" folder: \"/pod\" machine { device: \"cpu\" } " + text, overrides);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.value_or(Plan());
}

std::vector<Step> Steps(const Plan& plan) {
  return MakeSteps(plan, [](const std::string& name) { return "/tools/" + name; });
}

std::vector<std::string> Ids(const std::vector<Step>& steps) {
  std::vector<std::string> ids;
  for (const Step& step : steps) ids.push_back(step.id);
  return ids;
}

Step Find(const std::vector<Step>& steps, const std::string& id) {
  for (const Step& step : steps) {
    if (step.id == id) return step;
  }
  ADD_FAILURE() << "no step " << id << " in " << absl::StrJoin(Ids(steps), " ");
  return {};
}

TEST(StepsTest, TheCollectorMissesNothingThatThePlanLeavesOut) {
  const auto steps = Steps(Parse("experiments { id: 0 } experiments { id: 7 only: \"tp2\" }"));
  EXPECT_THAT(
      Find(steps, "fuse").command,
      ElementsAre("/tools/fuse", "/pod/results", "--output=/pod/experiments", "--allow_missing"));
}

TEST(StepsTest, ATrialComesBeforeAllAndTheCollectorAtTheEnd) {
  const auto steps = Steps(Parse("experiments { id: 0 minutes: 2 } experiments { id: 4 }"));
  EXPECT_THAT(Ids(steps), ElementsAre("trial", "trial-fuse", "exp0", "exp4", "fuse"));
  EXPECT_THAT(Find(steps, "exp0").needs, ElementsAre("trial-fuse"));
  EXPECT_THAT(Find(steps, "exp4").needs, ElementsAre("exp0"));
  EXPECT_EQ(Find(steps, "exp0").estimated_seconds, 120);
  EXPECT_THAT(Find(steps, "exp4").command,
              ElementsAre("/tools/exp4", "--output=/pod/results", "--device=cpu"));
  EXPECT_THAT(Find(steps, "fuse").command,
              ElementsAre("/tools/fuse", "/pod/results", "--output=/pod/experiments"));
}

TEST(StepsTest, QuantisedModelsComeAndGoOneAfterAnother) {
  const Plan plan =
      Parse(std::string(kModels) + "experiments { id: 0 } experiments { id: 3 minutes: 4 }");
  const auto steps = Steps(plan);
  EXPECT_THAT(Ids(steps), ElementsAre("fetch-awq", "trial", "trial-fuse", "exp0", "fetch-gptq",
                                      "exp3-gptq", "delete-gptq", "exp3-bnb", "fuse"));
  EXPECT_THAT(Find(steps, "fetch-gptq").command,
              ElementsAre("/tools/fetch_model", "--repository=a/gptq",
                          "--revision=2222222222222222222222222222222222222222",
                          "--directory=/pod/models/a--gptq"));
  const Step gptq = Find(steps, "exp3-gptq");
  EXPECT_THAT(gptq.needs, ElementsAre("exp0", "fetch-gptq"));
  EXPECT_THAT(gptq.command, Contains("--model=/pod/models/a--awq"));
  EXPECT_THAT(gptq.command, Contains("--model_gptq=/pod/models/a--gptq"));
  EXPECT_THAT(gptq.command, Contains("--only=gptq"));
  EXPECT_EQ(gptq.estimated_seconds, 120);
  // What lies in a folder of the user's own is neither fetched nor deleted.
  EXPECT_THAT(Find(steps, "exp3-bnb").command, Contains("--model_bnb=/models/bnb"));
  EXPECT_EQ(PeakGigabytes(plan, steps), 17 + 16);
}

TEST(StepsTest, AModelFolderReplacesTheHub) {
  const auto steps = Steps(
      Parse(std::string(kModels) + "experiments { id: 0 } experiments { id: 3 }", {"", "/mine"}));
  EXPECT_THAT(Ids(steps),
              ElementsAre("trial", "trial-fuse", "exp0", "exp3-gptq", "exp3-bnb", "fuse"));
  EXPECT_THAT(Find(steps, "exp0").command, Contains("--model=/mine/awq"));
}

TEST(StepsTest, OnlySomeConfigurations) {
  const auto steps = Steps(Parse(std::string(kModels) +
                                 "experiments { id: 0 } experiments { id: 3 only: \"bnb\" } "
                                 "experiments { id: 7 only: \"tp2\" only: \"tp4\" }"));
  EXPECT_THAT(Ids(steps), Not(Contains("fetch-gptq")));
  EXPECT_THAT(Find(steps, "exp7").command, Contains("--only=tp2,tp4"));
  EXPECT_THAT(Find(steps, "exp7").suffixes, ElementsAre("tp2", "tp4"));
}

TEST(StepsTest, EachCudaVersionIsAProgramOfItsOwn) {
  const auto steps =
      Steps(Parse("cuda_versions { version: \"11.8\" directory: \"/c/11.8/bin\" } "
                  "cuda_versions { version: \"12.1\" directory: \"/c/12.1/bin\" } "
                  "experiments { id: 0 } experiments { id: 6 minutes: 4 }"));
  EXPECT_THAT(Ids(steps),
              ElementsAre("trial", "trial-fuse", "exp0", "exp6-cu118", "exp6-cu121", "fuse"));
  EXPECT_EQ(Find(steps, "exp6-cu118").command.front(), "/c/11.8/bin/exp6");
  EXPECT_THAT(Find(steps, "exp6-cu121").command, Contains("--only=cu121"));
  EXPECT_EQ(Find(steps, "exp6-cu121").estimated_seconds, 120);
}

TEST(StepsTest, WithTheOtherMachineItsTokensAreFedAndAllIsCompared) {
  const auto steps =
      Steps(Parse("experiments { id: 7 } others { reference: \"/a/results/A100/A100_reference\" "
                  "results: \"/a/results\" }"));
  EXPECT_THAT(Ids(steps), ElementsAre("trial", "trial-fuse", "exp7", "fuse", "compare"));
  EXPECT_THAT(Find(steps, "exp7").command, Contains("--reference=/a/results/A100/A100_reference"));
  EXPECT_THAT(Find(steps, "exp7").needs, ElementsAre("trial-fuse"));
  EXPECT_THAT(Find(steps, "compare").needs, ElementsAre("fuse"));
}

TEST(StepsTest, TheTrialIsShort) {
  const auto steps =
      Steps(Parse("prompt { document_tokens: 600 decode_steps: 8 trial_document_tokens: 100 } "
                  "experiments { id: 0 }"));
  EXPECT_THAT(Find(steps, "trial").command, Contains("--document_tokens=100"));
  EXPECT_THAT(Find(steps, "exp0").command, Contains("--document_tokens=600"));
  EXPECT_THAT(Find(steps, "exp0").command, Contains("--decode_steps=8"));
}

// What an experiment names and the plan brings nothing for is named at the end by the orchestrator;
// the collector does not miss it, so that what is there is compared.
TEST(StepsTest, WhatNoModelAndNoBuildIsThereForIsLeftOut) {
  const Plan plan = Parse(
      "models { quant_method: \"awq\" directory: \"/m\" } "
      "models { quant_method: \"bnb\" directory: \"/b\" } "
      "cuda_versions { version: \"12.8\" directory: \"/c\" } "
      "experiments { id: 0 } experiments { id: 3 } experiments { id: 4 } experiments { id: 6 }");
  const auto steps = Steps(plan);
  EXPECT_THAT(LeftOut(plan, steps), ElementsAre("exp3: no models for gptq",
                                                "exp6: no cuda_versions for cu118, cu121, cu126"));
  EXPECT_THAT(Find(steps, "fuse").command, Contains("--allow_missing"));
  const Plan some = Parse(
      "cuda_versions { version: \"12.8\" directory: \"/c\" } "
      "experiments { id: 0 } experiments { id: 6 only: \"cu128\" }");
  EXPECT_THAT(LeftOut(some, Steps(some)), IsEmpty());
}

}  // namespace
}  // namespace forensics::pods
