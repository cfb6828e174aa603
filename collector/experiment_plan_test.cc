#include "collector/experiment_plan.h"

#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "collector/testing/results.h"
#include "schema/value_text.h"

namespace forensics::collector {
namespace {

using schema::RunManifest;
using schema::SyntheticExperiment;
using schema::SyntheticRun;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ExperimentPlanTest : public ResultsTest {
 protected:
  absl::StatusOr<ExperimentPlan> Plan(const std::string& name) {
    set_ = FindRunSet({results_folders_, {}, true});
    EXPECT_THAT(set_.problems, IsEmpty());
    return PlanExperiment(name, set_.runs);
  }

  static std::vector<std::string> Ids(const ExperimentPlan& plan) {
    std::vector<std::string> ids;
    for (const Configuration& configuration : plan.configurations) {
      ids.push_back(
          absl::StrCat(configuration.config_id, "=", schema::ValueText(configuration.value)));
    }
    return ids;
  }

  SyntheticRun On(const std::string& hardware, double noise = 0) {
    SyntheticRun run;
    run.hardware = hardware;
    run.noise = noise;
    return run;
  }

  RunSet set_;
  std::vector<std::string> results_folders_ = {results_};
};

TEST_F(ExperimentPlanTest, HoldsTheReferenceUnderTheExperimentsOwnName) {
  for (const char* hardware : {"H100", "A100-80GB"}) {
    WriteVariants("batch_size", Write(On(hardware)));
  }
  const auto plan = Plan("batch_size");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Ids(*plan), ElementsAre("A100_bs1=1", "A100_bs2=2", "A100_bs4=4", "H100_bs1=1",
                                      "H100_bs2=2", "H100_bs4=4"));
  EXPECT_EQ(plan->variable, "batch_size");
  EXPECT_EQ(plan->output_file, "batch_size_experiment.json");
  EXPECT_THAT(plan->gaps, IsEmpty());
  EXPECT_THAT(plan->notes, IsEmpty());
}

TEST_F(ExperimentPlanTest, ValuesKeepTheirType) {
  const RunManifest reference = Write({});
  for (const char* name : {"compile", "quantization", "cuda_version"}) {
    WriteVariants(name, reference);
  }
  EXPECT_THAT(Ids(*Plan("compile")), ElementsAre("A100_uncompiled=false", "A100_compiled=true"));
  EXPECT_THAT(Ids(*Plan("quantization")),
              ElementsAre("A100_awq=\"awq\"", "A100_gptq=\"gptq\"", "A100_bnb=\"bnb\""));
  EXPECT_THAT(Ids(*Plan("cuda_version")),
              ElementsAre("A100_cu128=\"default\"", "A100_cu118=\"11.8\"", "A100_cu121=\"12.1\""));
  EXPECT_THAT(Ids(*Plan("reference")), ElementsAre("A100_reference=\"baseline\""));
  EXPECT_THAT(ExperimentNames(set_.runs),
              ElementsAre("reference", "compile", "quantization", "cuda_version"));
}

TEST_F(ExperimentPlanTest, AReferenceAloneIsKeptAndWhatIsMissingBesideItNamed) {
  WriteVariants("compile", Write(On("A100-80GB")));
  Write(On("H100"));
  const auto plan = Plan("compile");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(Ids(*plan),
              ElementsAre("A100_uncompiled=false", "A100_compiled=true", "H100_uncompiled=false"));
  EXPECT_THAT(plan->gaps, ElementsAre("no finished run of compile = true on H100"));
}

TEST_F(ExperimentPlanTest, VariantsWithoutTheReferenceAreKeptAndTheGapNamed) {
  const RunManifest reference = Write(On("A100-80GB"));
  WriteVariants("compile", reference);
  SyntheticRun run = On("H100");
  run.experiment = SyntheticExperiment("compile");
  run.reference = &reference;
  Write(run);
  const auto plan = Plan("compile");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->configurations.size(), 3u);
  EXPECT_THAT(plan->gaps, ElementsAre(HasSubstr("no reference run on H100")));
}

TEST_F(ExperimentPlanTest, AReferenceOfTheSameLabelServesAllMachines) {
  const RunManifest reference = Write(On("A100-80GB"));
  results_folders_ = {results_, folder_ + "/pod2"};
  WriteVariants("batch_size", reference, folder_ + "/pod2");
  EXPECT_THAT(Ids(*Plan("batch_size")), ElementsAre("A100_bs1=1", "A100_bs2=2", "A100_bs4=4"));
}

TEST_F(ExperimentPlanTest, OfTwoReferencesTheOneWhoseTokensWereFedIsTaken) {
  Write(On("A100-80GB"));
  results_folders_ = {results_, folder_ + "/pod2"};
  const RunManifest own = Write(On("A100-80GB", 1e-3), folder_ + "/pod2");
  WriteVariants("compile", own, folder_ + "/pod2");
  const auto plan = Plan("compile");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(plan->configurations[0].run->directory.path(), HasSubstr("pod2"));
  EXPECT_THAT(plan->notes,
              ElementsAre(AllOf(HasSubstr("baseline of A100-80GB"), HasSubstr("pod2"))));
  // In the reference's own file there is no telling them apart.
  EXPECT_THAT(std::string(Plan("reference").status().message()),
              AllOf(HasSubstr("two different runs of A100_reference on A100-80GB"),
                    HasSubstr(results_), HasSubstr("pod2")));
}

TEST_F(ExperimentPlanTest, TwoReferencesAndNoRecordAreRefused) {
  Write(On("A100-80GB"));
  results_folders_ = {results_, folder_ + "/pod2"};
  Write(On("A100-80GB", 1e-3), folder_ + "/pod2");
  SyntheticRun run;
  run.experiment = SyntheticExperiment("compile");
  Write(run);
  EXPECT_EQ(Plan("compile").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ExperimentPlanTest, TwoRunsOfOneConfigurationAreRefusedUnlessTheirSignalsAreEqual) {
  const RunManifest reference = Write({});
  WriteVariants("compile", reference);
  results_folders_ = {results_, folder_ + "/copy"};
  WriteVariants("compile", reference, folder_ + "/copy");
  const auto plan = Plan("compile");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->configurations.size(), 2u);
  EXPECT_THAT(plan->notes, ElementsAre(HasSubstr("has the same signals as")));

  SyntheticRun other;
  other.experiment = SyntheticExperiment("compile");
  other.reference = &reference;
  other.noise = 0.5;
  Write(other, folder_ + "/copy");
  EXPECT_THAT(std::string(Plan("compile").status().message()),
              AllOf(HasSubstr("two different runs of A100_compiled on A100-80GB"),
                    HasSubstr(results_), HasSubstr(folder_ + "/copy")));
}

TEST_F(ExperimentPlanTest, OneFolderGivenTwiceIsOneFolder) {
  WriteVariants("compile", Write({}));
  results_folders_ = {results_, results_};
  const auto plan = Plan("compile");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->configurations.size(), 2u);
  EXPECT_THAT(plan->notes, IsEmpty());
}

TEST_F(ExperimentPlanTest, LabelsWithTheSameShortFormKeepTheirIdsApart) {
  Write(On("A100-40GB"));
  Write(On("A100-80GB", 1e-3));
  EXPECT_THAT(Ids(*Plan("reference")),
              ElementsAre("A100-40GB_reference=\"baseline\"", "A100-80GB_reference=\"baseline\""));
}

TEST_F(ExperimentPlanTest, LabelsThatDifferInSpecialCharactersKeepTheirIdsApart) {
  const std::vector<std::string> labels = {"CPU x", "CPU/x", "Ä", "Ö"};
  for (const std::string& label : labels) WriteVariants("compile", Write(On(label)));
  for (const char* name : {"reference", "compile"}) {
    const auto plan = Plan(name);
    ASSERT_TRUE(plan.ok()) << plan.status();
    std::set<std::string> ids;
    for (const Configuration& configuration : plan->configurations) {
      const std::string& hardware = configuration.run->manifest.hardware();
      EXPECT_THAT(configuration.config_id,
                  HasSubstr(absl::StrCat("-", schema::LabelDigest(hardware), "_")));
      ids.insert(configuration.config_id);
    }
    EXPECT_EQ(ids.size(), plan->configurations.size());
    EXPECT_EQ(ids.size(), labels.size() * (name == std::string("compile") ? 2 : 1));
  }
}

TEST_F(ExperimentPlanTest, IdsThatAreEqualAllTheSameAreRefused) {
  Write(On("CPU"));
  SyntheticRun other = On("GPU");
  other.edit_manifest = [](RunManifest& m) { m.set_config_id("CPU_reference"); };
  other.edit_repetition = [](schema::Repetition& r) { r.header.set_config_id("CPU_reference"); };
  Write(other);
  EXPECT_THAT(std::string(Plan("reference").status().message()),
              AllOf(HasSubstr("two configurations are called CPU_reference"), HasSubstr("(GPU)")));
}

TEST_F(ExperimentPlanTest, ASecondMachineMayBeForcedByTheFirst) {
  const RunManifest first = Write(On("A100-80GB"));
  SyntheticRun second = On("H100", 1e-3);
  second.reference = &first;
  const RunManifest reference = Write(second);
  // One variant was fed the second machine's reference, one the first's: the same tokens.
  SyntheticRun variant = On("H100");
  variant.experiment = SyntheticExperiment("batch_size");
  variant.reference = &reference;
  Write(variant);
  variant.reference = &first;
  variant.variant = 1;
  Write(variant);
  EXPECT_TRUE(Plan("batch_size").ok()) << Plan("batch_size").status();
}

TEST_F(ExperimentPlanTest, AnExperimentThatWasNotRunIsNotFound) {
  Write({});
  EXPECT_EQ(Plan("attention").status().code(), absl::StatusCode::kNotFound);
}

// Mixtures: each field that must not differ, with both values and both directories.
struct Mixture {
  const char* name;
  std::function<void(SyntheticRun&)> change;
  const char* error;
};

class Mixed : public ExperimentPlanTest, public testing::WithParamInterface<Mixture> {};

TEST_P(Mixed, IsRefusedByFieldValuesAndDirectories) {
  const RunManifest reference = Write({});
  WriteVariants("batch_size", reference);
  SyntheticRun run;
  run.experiment = SyntheticExperiment("batch_size");
  run.variant = 1;
  run.reference = &reference;
  GetParam().change(run);
  Write(run);
  const absl::Status status = Plan("batch_size").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().error));
  EXPECT_THAT(std::string(status.message()), HasSubstr("A100_bs4"));
}

void EditManifest(SyntheticRun& run, std::function<void(RunManifest&)> edit) {
  run.edit_manifest = std::move(edit);
}

INSTANTIATE_TEST_SUITE_P(
    ExperimentPlan, Mixed,
    testing::Values(
        Mixture{"Prompt", [](auto& r) { r.prompt_tokens = 6; },
                "prompt (SHA-256 of its token ids) differs: "},
        Mixture{"Model", [](auto& r) { r.model_name = "other"; }, "model digest differs: "},
        Mixture{"Layers",
                [](auto& r) {
                  r.layers = {1, 2};
                },
                "extraction.layers differs: 1,3 in "},
        Mixture{"Window", [](auto& r) { r.window = 2; }, "extraction.window differs: 3 in "},
        Mixture{"TopK", [](auto& r) { r.top_k = 2; }, "extraction.top_k_logprobs differs: 3 in "},
        Mixture{"HiddenSize", [](auto& r) { r.hidden_size = 9; }, "hidden_size differs: 8 in "},
        Mixture{"KeySize", [](auto& r) { r.key_size = 5; }, "key_size differs: 4 in "},
        Mixture{"Depth", [](auto& r) { r.num_hidden_layers = 9; },
                "num_hidden_layers differs: 4 in "},
        Mixture{"Steps", [](auto& r) { r.decode_steps = 5; }, "decode_steps differs: 4 in "},
        Mixture{"Variable",
                [](auto& r) {
                  EditManifest(r, [](auto& m) { m.mutable_experiment()->set_variable("size"); });
                },
                "experiment.variable differs: batch_size in "},
        Mixture{"OutputFile",
                [](auto& r) {
                  EditManifest(r, [](auto& m) { m.mutable_experiment()->set_output_file("x"); });
                },
                "experiment.output_file differs: "},
        Mixture{"Reference",
                [](auto& r) {
                  EditManifest(r, [](auto& m) {
                    m.mutable_experiment()->mutable_reference()->set_config_suffix("one");
                  });
                },
                "experiment.reference differs: "},
        Mixture{"FreeDecoding", [](auto& r) { r.reference = nullptr; },
                "decoding differs: forced in "},
        Mixture{"OtherTokens",
                [](auto& r) {
                  EditManifest(r, [](auto& m) {
                    m.mutable_decoding()->set_reference_signals_sha256("beef");
                  });
                },
                "decoding reference differs: the tokens of A100_reference on A100-80GB (signals "
                "beef)"}),
    [](const auto& info) { return info.param.name; });

TEST_F(ExperimentPlanTest, QuantizationMayChangeTheModelOnce) {
  const RunManifest reference = Write({});
  SyntheticRun run;
  run.experiment = SyntheticExperiment("quantization");
  run.reference = &reference;
  run.model_name = "Synthetic-GPTQ";
  Write(run);
  run.hardware = "H100";
  Write(run);
  EXPECT_TRUE(Plan("quantization").ok()) << Plan("quantization").status();
  run.model_name = "Other-GPTQ";
  Write(run);
  EXPECT_THAT(std::string(Plan("quantization").status().message()),
              HasSubstr("model digest differs"));
}

TEST_F(ExperimentPlanTest, VariantsWithoutReferenceMustAgreeOnTheTokens) {
  const RunManifest reference = Write(On("A100-80GB"));
  SyntheticRun run = On("H100");
  run.experiment = SyntheticExperiment("batch_size");
  run.reference = &reference;
  Write(run);
  run.variant = 1;
  run.edit_manifest = [](RunManifest& m) {
    m.mutable_decoding()->set_reference_signals_sha256("beef");
  };
  Write(run);
  EXPECT_THAT(std::string(Plan("batch_size").status().message()),
              HasSubstr("decoding reference differs"));
}

TEST_F(ExperimentPlanTest, AnOutputFileStaysInItsFolder) {
  SyntheticRun run;
  run.experiment = SyntheticExperiment("compile");
  run.edit_manifest = [](RunManifest& m) {
    m.mutable_experiment()->set_output_file("../../etc/passwd");
  };
  Write(run);
  EXPECT_EQ(Plan("compile")->output_file, ".._.._etc_passwd");
}

}  // namespace
}  // namespace forensics::collector
