#include "analyzer/analysis/caveats.h"

#include <functional>
#include <limits>
#include <map>
#include <utility>

#include "analyzer/analysis/experiment_analysis.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Two machines, enough positions, each configuration repeated with the same digest.
Experiment Sound() {
  Experiment experiment = MakeExperiment("attention", "attention_impl");
  experiment.decode_steps = 12;
  const std::pair<const char*, const char*> machines[] = {{"A100", "A100-80GB"}, {"H100", "H100"}};
  float offset = 0;
  for (const auto& [name, label] : machines) {
    for (const char* value : {"flash_attention_2", "eager"}) {
      const std::string config_id = std::string(name) + "_" + value;
      experiment.configurations.push_back(MakeConfiguration(config_id, label, value));
      for (int64_t rep = 0; rep < 2; ++rep) {
        RunShape shape;
        shape.offset = offset;
        shape.steps = 12;
        shape.rep_id = rep;
        experiment.runs.push_back(MakeRun(config_id, shape));
      }
      offset = offset == 0 ? 8 : offset == 8 ? 0.5 : 10;
    }
  }
  return experiment;
}

// The text of the caveat of a kind, empty if there is none.
std::string TextOf(Experiment experiment, const std::string& kind) {
  for (const Caveat& caveat : Caveats(Analyze(std::move(experiment)))) {
    if (caveat.kind == kind) return caveat.text;
  }
  return "";
}

TEST(Caveats, SoundDataCallForNone) {
  Experiment experiment = Sound();
  experiment.runs[2] = experiment.runs[3];
  experiment.runs[2].rep_id = 0;
  const ExperimentReport report = Analyze(std::move(experiment));
  std::vector<std::string> kinds;
  for (const Caveat& caveat : Caveats(report)) kinds.push_back(caveat.kind);
  EXPECT_THAT(kinds, ElementsAre("classes_differ"));  // of noises 0.5 and 2
}

TEST(Caveats, NameVariantsThatAnyDistancePutsAboveNoNoise) {
  Experiment experiment = MakeExperiment("attention", "attention_impl");
  AddRun(experiment, "A100_fa2", "A100-80GB", std::string("flash_attention_2"), 0);
  AddRun(experiment, "A100_eager", "A100-80GB", std::string("eager"), 1e-6f);
  AddRun(experiment, "H100_fa2", "H100", std::string("flash_attention_2"), 0);
  EXPECT_THAT(TextOf(experiment, "zero_noise"), HasSubstr("A100_eager: a change of hardware"));
  AddRun(experiment, "H100_eager", "H100", std::string("eager"), 1);
  EXPECT_EQ(TextOf(std::move(experiment), "zero_noise"), "");
}

TEST(Caveats, SayWhyThereIsNoClass) {
  Experiment one_machine = Sound();
  one_machine.configurations.resize(2);
  EXPECT_THAT(TextOf(std::move(one_machine), "no_second_hardware"), HasSubstr("run exp0"));
  Experiment no_variant = Sound();
  no_variant.configurations.resize(1);
  EXPECT_THAT(TextOf(std::move(no_variant), "no_variant"), HasSubstr("no variant to compare"));
  Experiment no_distance = Sound();
  no_distance.runs.resize(2);
  EXPECT_THAT(TextOf(std::move(no_distance), "no_distance"), HasSubstr("no variant has a"));
  Experiment no_noise = Sound();
  no_noise.runs.resize(4);
  EXPECT_THAT(TextOf(std::move(no_noise), "no_noise"), HasSubstr("no distance between hardware"));
}

TEST(Caveats, NameTheCauseOfNoDistance) {
  const auto change_variants = [](const std::function<void(RunRecord&)>& change) {
    Experiment experiment = Sound();
    for (size_t i : {2, 3, 6, 7}) change(experiment.runs[i]);
    return experiment;
  };
  const auto set_all = [](std::vector<float> values) {
    return [values](RunRecord& run) {
      const std::map<Timepoint, SharedVector> vectors = run.vectors[kHidden2];
      for (const auto& [at, vector] : vectors) SetVector(run, kHidden2, at, values);
    };
  };
  // 12 steps of three positions, on two machines.
  EXPECT_THAT(TextOf(change_variants(set_all({1})), "no_distance"),
              HasSubstr("of hidden_states/layer_2: 72 vectors have other lengths)"));
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(TextOf(change_variants(set_all({nan, 1, 1, 1})), "no_distance"),
              HasSubstr("of hidden_states/layer_2: 72 vectors have a NaN or an infinity)"));
  EXPECT_THAT(
      TextOf(change_variants([](RunRecord& run) { run.vectors.erase(kHidden2); }), "no_distance"),
      HasSubstr("72 vectors are stored by one run alone)"));
  Experiment prompts = change_variants([](RunRecord& run) { run.prompt_text = "other"; });
  for (size_t i : {0, 1, 4, 5}) prompts.runs[i].prompt_text = "this";
  EXPECT_THAT(TextOf(prompts, "no_distance"), HasSubstr("2 pairs had other prompts)"));
  for (size_t i : {4, 5, 6, 7}) prompts.runs[i].prompt_text = prompts.configurations[2].hardware;
  for (size_t i : {0, 1, 2, 3}) prompts.runs[i].prompt_text = "this";
  EXPECT_THAT(TextOf(prompts, "no_noise"), HasSubstr("2 pairs had other prompts)"));
  Experiment none = Sound();
  for (RunRecord& run : none.runs) run.vectors.erase(kHidden2);
  EXPECT_THAT(TextOf(none, "no_distance"), HasSubstr("no run stores hidden_states/layer_2)"));
}

TEST(Caveats, NameVariantsThatTheClassDoesNotRestOn) {
  EXPECT_EQ(TextOf(Sound(), "variant_without_distance"), "");
  Experiment experiment = Sound();
  for (size_t i : {2, 3}) experiment.runs[i].vectors.erase(kHidden2);
  EXPECT_EQ(TextOf(std::move(experiment), "variant_without_distance"),
            "A100_eager: no distance (of hidden_states/layer_2: 36 vectors are stored by one run "
            "alone), so the class rests on H100_eager alone");
}

// Twice the noise everywhere, and both rise with the position.
TEST(Caveats, SayThatTheTestDoesNotShowWhatTheIntervalHas) {
  Experiment experiment = MakeExperiment("attention", "attention_impl");
  AddRun(experiment, "A", "A100", "flash_attention_2", 0);
  AddRun(experiment, "B", "A100", "eager", 0);
  AddRun(experiment, "H", "H100", "flash_attention_2", 0);
  float slope = 0;
  for (const size_t i : {0, 2, 1}) {
    experiment.runs[i] = MakeRun(experiment.runs[i].config_id, {0, 30, 0});
    const std::map<Timepoint, SharedVector> vectors = experiment.runs[i].vectors[kHidden2];
    for (const auto& [at, vector] : vectors) {
      const float position = static_cast<float>(at.Computed());
      SetVector(experiment.runs[i], kHidden2, at, {slope * (3 + position)});
    }
    ++slope;
  }
  EXPECT_THAT(TextOf(experiment, "interval_without_test"),
              HasSubstr("B: the interval of the SNR lies above 1"));
  EXPECT_EQ(TextOf(Sound(), "interval_without_test"), "");
}

// The variant of one machine parts at step 1: its distance of 9 to the other's counts half in the
// mean noise, and at three of 32 positions alone in the noise by position.
TEST(Caveats, NameBothSnrsWhereTheIntervalIsNotThatOfTheClass) {
  const auto with_token = [](int64_t token) {
    Experiment experiment = MakeExperiment("attention", "attention_impl");
    const std::pair<const char*, float> runs[] = {{"A", 0}, {"AE", 1}, {"H", 4}, {"HE", 10}};
    for (size_t i = 0; i < 4; ++i) {
      const auto& [config_id, offset] = runs[i];
      AddRun(experiment, config_id, i < 2 ? "A100" : "H100", i % 2 == 0 ? "flash" : "eager", 0);
      experiment.runs[i] = MakeRun(config_id, {offset, 30, 0});
    }
    experiment.runs[1].steps[0].token_id = token;
    return experiment;
  };
  EXPECT_THAT(TextOf(with_token(7), "snr_by_position"),
              AllOf(HasSubstr("HE: SNR 0.923 (Not Detectable) of the pairs' means"),
                    HasSubstr("but 1.42 ("), HasSubstr("the pairs reach different positions")));
  EXPECT_EQ(TextOf(with_token(100), "snr_by_position"), "");
}

TEST(Caveats, NameFilesThatAreNotInTheReport) {
  ExperimentReport report = Analyze(Sound());
  report.unread_files = {"compile_experiment.json: byte 10"};
  EXPECT_THAT(Caveats(report).front().text, HasSubstr("compile_experiment.json: byte 10"));
}

TEST(Caveats, NameConfigurationsWhoseRepetitionsDifferOrAreAlone) {
  Experiment other = Sound();
  SetVector(other.runs[0], kKeys1, {0, -1}, {1, 2});
  EXPECT_THAT(TextOf(std::move(other), "not_reproducible"), HasSubstr("A100_flash_attention_2: "));
  Experiment alone = Sound();
  alone.runs.pop_back();
  EXPECT_THAT(TextOf(std::move(alone), "not_verifiable"), HasSubstr("H100_eager: one repetition"));
}

TEST(Caveats, AnEmulationIsNoSecondHardwareBesideItsOwnGpu) {
  Experiment own = Sound();
  for (size_t i : {0, 1}) own.configurations[i].hardware = "emulated:H100";
  EXPECT_THAT(TextOf(own, "own_emulation"),
              HasSubstr("emulated:H100 and H100: the arithmetic of one GPU"));
  EXPECT_THAT(TextOf(own, "emulated_hardware"), IsEmpty());
  EXPECT_THAT(TextOf(std::move(own), "no_second_hardware"), HasSubstr("no baseline L2"));
}

TEST(Caveats, SayThatAnEmulationStandsForHardwareInTheBaseline) {
  Experiment one = Sound();
  for (size_t i : {0, 1}) one.configurations[i].hardware = "emulated:A100";
  EXPECT_THAT(TextOf(one, "emulated_hardware"),
              HasSubstr("emulated:A100 against H100: emulated:A100 is computed by an emulation"));
  EXPECT_THAT(TextOf(one, "own_emulation"), IsEmpty());
  for (size_t i : {2, 3}) one.configurations[i].hardware = "emulated:H100";
  EXPECT_THAT(TextOf(std::move(one), "emulated_hardware"), HasSubstr("both sides are computed"));
  EXPECT_THAT(TextOf(Sound(), "emulated_hardware"), IsEmpty());
}

TEST(Caveats, NameWhatDiffersBesideTheVariable) {
  Experiment experiment = Sound();
  experiment.configurations[1].circumstances = {{"torch_version", "2"}};
  EXPECT_THAT(TextOf(std::move(experiment), "confounded"),
              HasSubstr("attention_impl is confounded with torch_version"));
}

TEST(Caveats, FewPositionsGiveNoIntervals) {
  Experiment experiment = Sound();
  for (RunRecord& run : experiment.runs) {
    RunShape shape;
    shape.offset = run.vectors[kHidden1][{0, -1}]->front();
    shape.steps = 9;  // 11 positions
    shape.rep_id = run.rep_id;
    run = MakeRun(run.config_id, shape);
  }
  EXPECT_THAT(
      TextOf(std::move(experiment), "few_positions"),
      AllOf(HasSubstr("A100_eager, H100_eager: fewer than 12 distinct positions that both runs "
                      "have under the same step and pos_")));
}

TEST(Caveats, TellForcedDecodingFromContextsThatPart) {
  Experiment forced = Sound();
  forced.configurations[1].forced = true;
  EXPECT_THAT(TextOf(std::move(forced), "forced_decoding"), HasSubstr("A100_eager: fed the"));
  Experiment parted = Sound();
  for (size_t i : {2, 3}) parted.runs[i].steps[9].token_id = 7;
  // Two pairs have A100_eager; steps 10 and 11 lie behind the other token.
  EXPECT_THAT(TextOf(std::move(parted), "contexts_part"), HasSubstr("4 steps behind tokens"));
}

TEST(Caveats, CountWhatIsLeftOut) {
  Experiment ids = Sound();
  for (size_t i : {2, 3}) ids.runs[i].log_probs[{0, -1}].token_ids = {7, 8, 10};
  EXPECT_THAT(TextOf(std::move(ids), "unmatched_ids"),
              AllOf(HasSubstr(" token ids in one list"), HasSubstr("A100_eager")));
  Experiment not_finite = Sound();
  for (size_t i : {2, 3}) {
    SetVector(not_finite.runs[i], kHidden1, {0, -1},
              {std::numeric_limits<float>::quiet_NaN(), 8, 0, 1});
  }
  EXPECT_THAT(TextOf(std::move(not_finite), "not_finite"), HasSubstr("2 vectors with a NaN"));
}

TEST(Caveats, CountVectorsOfOtherLengths) {
  Experiment experiment = Sound();
  for (size_t i : {2, 3}) SetVector(experiment.runs[i], kHidden1, {0, -1}, {1, 2});
  const ExperimentReport report = Analyze(experiment);
  EXPECT_THAT(report.gaps,
              testing::Contains("A100_flash_attention_2 and A100_eager: other lengths or "
                                "malformed lists at 1 timepoints of 1 signals, first "
                                "hidden_states/layer_1"));
  // Of the baseline's pair and of that with the other machine.
  EXPECT_THAT(TextOf(std::move(experiment), "unequal_length"),
              HasSubstr("2 vectors of another length"));
}

TEST(Caveats, ADistanceOfZeroIsNotIdentical) {
  Experiment experiment = Sound();
  for (size_t i : {2, 3}) {
    const int64_t rep = experiment.runs[i].rep_id;
    experiment.runs[i] = experiment.runs[0];
    experiment.runs[i].config_id = "A100_eager";
    experiment.runs[i].rep_id = rep;
  }
  EXPECT_TRUE(Analyze(experiment).within_hardware[0].pairs[0].identical());
  EXPECT_EQ(TextOf(experiment, "distance_zero"), "");
  for (size_t i : {2, 3}) {
    std::vector<float> values = *experiment.runs[i].vectors[kHidden2][{0, -1}];
    ASSERT_EQ(values[0], 0);
    values[0] = -0.0f;
    SetVector(experiment.runs[i], kHidden2, {0, -1}, values);
  }
  EXPECT_FALSE(Analyze(experiment).within_hardware[0].pairs[0].identical());
  EXPECT_THAT(TextOf(experiment, "distance_zero"), HasSubstr("A100_eager: a distance of 0"));
}

TEST(Caveats, CountGapsAndNameTheFirst) {
  Experiment experiment = Sound();
  experiment.layers.push_back(9);
  EXPECT_THAT(TextOf(std::move(experiment), "gaps"), HasSubstr(" gaps in the file, the first: "));
  EXPECT_THAT(TextOf(Sound(), "gaps"), IsEmpty());
}

}  // namespace
}  // namespace forensics::analyzer
