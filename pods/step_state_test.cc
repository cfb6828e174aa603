#include "pods/step_state.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "pods/made_steps.h"
#include "pods/plan_file.h"
#include "pods/workspace.h"
#include "schema/atomic_file.h"
#include "schema/checkpoint_digest.h"
#include "schema/digest.h"
#include "schema/run_directory.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr char kPlan[] = R"pb(
  name: "p"
  machine { device: "cpu" hardware: "A100-80GB" }
  models {
    quant_method: "awq"
    repository: "org/awq"
    revision: "1111111111111111111111111111111111111111"
  }
  models {
    quant_method: "gptq"
    repository: "org/gptq"
    revision: "2222222222222222222222222222222222222222"
  }
  experiments { id: 0 }
  experiments { id: 3 only: "gptq" }
  others { results: "later" }
)pb";

// A step's work is done by hand; what then counts as done, and until when, is each kind's rule.
class StepStateTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto plan = ParsePlan("plan", kPlan, {folder_, ""});
    ASSERT_TRUE(plan.ok()) << plan.status();
    plan_ = *plan;
    plan_.mutable_others()->set_results(0, folder_ + "/later");
    steps_ = MakeSteps(plan_, [](const std::string& name) { return "/tools/" + name; });
    Write(".forensics_folder", "");
  }

  const Step& Find(const std::string& id) const {
    for (const Step& step : steps_) {
      if (step.id == id) return step;
    }
    ADD_FAILURE() << "no step " << id;
    return steps_.front();
  }

  // As a new start finds it.
  absl::StatusOr<StepState> Of(const std::string& id) const {
    return DiskState(plan_, steps_, {}).Of(Find(id), Thoroughness::kEveryByte);
  }
  bool IsDone(const std::string& id) const {
    const auto state = Of(id);
    return state.ok() && *state == StepState::kDone;
  }

  void Begin(const std::string& id) const {
    const absl::Status status = DiskState(plan_, steps_, {}).RulesOf(Find(id)).Begin(Find(id));
    EXPECT_TRUE(status.ok()) << status;
  }
  void End(const std::string& id) const {
    const absl::Status status = DiskState(plan_, steps_, {}).RulesOf(Find(id)).End(Find(id));
    EXPECT_TRUE(status.ok()) << status;
  }

  void Write(const std::string& path, const std::string& text) const {
    const absl::Status status = schema::WriteFileAtomically(absl::StrCat(folder_, "/", path), text);
    EXPECT_TRUE(status.ok()) << status;
  }

  void Fetch(const std::string& method) const {
    const std::string model = absl::StrCat("models/org--", method, "/");
    const std::string commit(40, method == "awq" ? '1' : '2');
    Write(model + "model.safetensors", method);
    Write(model + "SHA256SUMS", absl::StrCat("# org/", method, " ", commit, " ", commit, "\n",
                                             schema::Sha256Hex(method), "  model.safetensors\n"));
  }

  // A run of experiment `id` below `results`.
  void MakeRun(int id, const std::string& results, bool reproducible = true) const {
    schema::SyntheticRun run;
    run.experiment = schema::SyntheticExperiment(id == 0 ? "reference" : "quantization");
    run.experiment.set_id(id);
    run.experiment.mutable_reference_config()->set_device("cpu");
    while (id != 0 && run.experiment.variants(run.variant).config_suffix() != "gptq") ++run.variant;
    run.reproducible = reproducible;
    run.edit_manifest = [&](schema::RunManifest& manifest) {
      const std::string weights = loaded_.empty() ? id == 0 ? "awq" : "gptq" : loaded_;
      manifest.mutable_model()->set_digest(
          schema::CheckpointDigest({{"model.safetensors", schema::Sha256Hex(weights)}}));
    };
    const auto made = schema::WriteSyntheticRun(run, folder_ + "/" + results);
    EXPECT_TRUE(made.ok()) << made.status();
  }

  void DoRun(const std::string& id) const {
    Begin(id);
    MakeRun(id == "exp3-gptq" ? 3 : 0, id == "trial" ? "trial/results" : "results");
  }

  const std::string folder_ = absl::StrCat(
      testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
  Plan plan_;
  std::vector<Step> steps_;
  std::string loaded_;  // the weights that runs had; empty: as they are fetched
};

TEST_F(StepStateTest, AFetchIsDoneWithItsFilesOrWhenNoStepNeedsThem) {
  EXPECT_FALSE(IsDone("fetch-gptq"));
  Fetch("gptq");
  EXPECT_TRUE(IsDone("fetch-gptq"));
  Write("models/org--gptq/model.safetensors", "damaged");
  EXPECT_FALSE(IsDone("fetch-gptq"));
  EXPECT_FALSE(IsDone("delete-gptq"));
  Fetch("gptq");
  DoRun("exp3-gptq");
  EXPECT_FALSE(IsDone("delete-gptq")) << "it still lies there";
  fs::remove_all(folder_ + "/models");
  EXPECT_TRUE(IsDone("fetch-gptq"));
  EXPECT_TRUE(IsDone("delete-gptq"));
  // All load the reference's.
  EXPECT_FALSE(IsDone("fetch-awq"));
  DoRun("trial");
  DoRun("exp0");
  EXPECT_TRUE(IsDone("fetch-awq"));
}

TEST_F(StepStateTest, ATrialOfAnythingElseIsMadeAgain) {
  EXPECT_FALSE(IsDone("trial"));
  DoRun("trial");
  EXPECT_TRUE(IsDone("trial"));
  plan_.mutable_models(0)->set_revision(std::string(40, '3'));
  EXPECT_FALSE(IsDone("trial"));
  plan_.mutable_models(0)->set_revision(std::string(40, '1'));
  EXPECT_TRUE(IsDone("trial"));
  const std::string stamp = schema::ReadFile(folder_ + "/stamps/trial").value_or("");
  Write("stamps/trial", absl::StrReplaceAll(stamp, {{"cpu ", "cpu another "}}));
  EXPECT_FALSE(IsDone("trial"));
  fs::remove(folder_ + "/stamps/trial");
  EXPECT_FALSE(IsDone("trial"));
}

TEST_F(StepStateTest, AnExperimentOfAnythingElseIsRefused) {
  EXPECT_FALSE(IsDone("exp3-gptq"));
  DoRun("exp3-gptq");
  EXPECT_TRUE(IsDone("exp3-gptq"));
  EXPECT_FALSE(IsDone("exp0"));
  EXPECT_TRUE(DiskState(plan_, steps_, {}).CheckWork().ok());
  plan_.mutable_models(1)->set_revision(std::string(40, '3'));
  EXPECT_TRUE(absl::IsFailedPrecondition(Of("exp3-gptq").status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(DiskState(plan_, steps_, {}).CheckWork()));
  plan_.mutable_machine()->clear_hardware();
  EXPECT_TRUE(absl::IsFailedPrecondition(DiskState(plan_, steps_, {}).CheckWork()))
      << "without a trial, which says the label of the results' folder";
}

// Whatever lay in the model's folder.
TEST_F(StepStateTest, ARunOfOtherWeightsIsNoneOfThePlans) {
  for (const char* method : {"awq", "gptq"}) Fetch(method);
  loaded_ = "other";
  DoRun("trial");
  EXPECT_FALSE(IsDone("trial"));
  const Step& trial = Find("trial");
  EXPECT_TRUE(absl::IsFailedPrecondition(DiskState(plan_, steps_, {}).RulesOf(trial).End(trial)));
  DoRun("exp3-gptq");
  const absl::Status status = Of("exp3-gptq").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_NE(status.message().find("ran another model: its digest is "), std::string::npos);
  fs::remove_all(folder_ + "/results");
  loaded_ = "";
  for (const char* id : {"trial", "exp3-gptq"}) {
    DoRun(id);
    End(id);
    EXPECT_TRUE(IsDone(id)) << id;
  }
}

TEST_F(StepStateTest, WhereRepetitionsDifferAllStops) {
  Begin("exp0");
  MakeRun(0, "results", /*reproducible=*/false);
  EXPECT_EQ(Of("exp0").value_or(StepState::kLeft), StepState::kNotReproducible);
}

TEST_F(StepStateTest, WhatIsMadeIsMadeAgainWhenInputOrOutputChanged) {
  DoRun("exp0");
  const auto make = [this] {
    Begin("fuse");
    Write("experiments/reference_baseline.json", "{}");
    End("fuse");
  };
  EXPECT_FALSE(IsDone("fuse"));
  make();
  EXPECT_TRUE(IsDone("fuse"));
  Write("experiments/reference_baseline.json", "damaged");
  EXPECT_FALSE(IsDone("fuse"));
  make();
  DoRun("exp3-gptq");
  EXPECT_FALSE(IsDone("fuse")) << "another run";
  make();
  EXPECT_TRUE(IsDone("fuse"));
  MakeRun(0, "later");
  EXPECT_FALSE(IsDone("fuse")) << "another machine's";
}

TEST_F(StepStateTest, WhatWasMissedWhenItWasMadeMayBeThereAtTheNextStart) {
  DoRun("exp0");
  DiskState disk(plan_, steps_, {});
  const Step& fuse = Find("fuse");
  ASSERT_TRUE(disk.RulesOf(fuse).Begin(fuse).ok());
  Write("experiments/reference_baseline.json", "{}");
  ASSERT_TRUE(NoteMissed(Workspace(folder_), fuse, "a shard is not there").ok());
  ASSERT_TRUE(disk.RulesOf(fuse).End(fuse).ok());
  EXPECT_EQ(disk.Of(fuse, Thoroughness::kPresence).value_or(StepState::kLeft), StepState::kDone);
  EXPECT_FALSE(IsDone("fuse"));
  Begin("fuse");
  Write("experiments/reference_baseline.json", "{}");
  End("fuse");
  EXPECT_TRUE(IsDone("fuse"));
}

TEST_F(StepStateTest, AShardThatCameLaterIsAnotherInput) {
  DoRun("exp0");
  MakeRun(0, "later");
  const auto runs = schema::FindRuns(folder_ + "/later");
  ASSERT_TRUE(runs.ok()) << runs.status();
  const std::string shard = runs->runs.front().ShardPath(2, 0, 1);
  const auto make = [this] {
    Begin("fuse");
    Write("experiments/reference_baseline.json", "{}");
    End("fuse");
  };
  make();
  fs::resize_file(shard, fs::file_size(shard) - 1);
  EXPECT_FALSE(IsDone("fuse"));
  make();
  EXPECT_TRUE(IsDone("fuse"));
  fs::remove(shard);
  EXPECT_FALSE(IsDone("fuse"));
}

TEST_F(StepStateTest, AComparisonWaitsForOtherMachines) {
  DiskState disk(plan_, steps_, {});
  const Step& compare = Find("compare");
  EXPECT_EQ(Of("compare").value_or(StepState::kDone), StepState::kWaiting);
  EXPECT_EQ(disk.RulesOf(compare).StillMissing(compare).size(), 1u);
  MakeRun(0, "later");
  EXPECT_EQ(Of("compare").value_or(StepState::kDone), StepState::kLeft);
  EXPECT_EQ(disk.RulesOf(compare).StillMissing(compare).size(), 0u);
  Write("experiments/reference_baseline.json", "{}");
  Begin("compare");
  Write("report/summary.json", "{}");
  End("compare");
  EXPECT_TRUE(IsDone("compare"));
  Write("experiments/reference_baseline.json", "other");
  EXPECT_FALSE(IsDone("compare"));
}

}  // namespace
}  // namespace forensics::pods
