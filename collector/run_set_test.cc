#include "collector/run_set.h"

#include <gmock/gmock.h>

#include <functional>
#include <vector>

#include "collector/testing/results.h"
#include "schema/digest.h"

namespace forensics::collector {
namespace {

using schema::Repetition;
using schema::RunManifest;
using schema::SyntheticRun;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RunSetTest : public ResultsTest {
 protected:
  RunSet Find() { return FindRunSet({{results_}, {}, false}); }
};

TEST_F(RunSetTest, FindsRunsOfManyFoldersAndKeepsNoPromptInMemory) {
  Write({});
  SyntheticRun other;
  other.hardware = "H100";
  Write(other, folder_ + "/second");
  const RunSet set = FindRunSet({{results_, folder_ + "/second"}, {}, false});
  ASSERT_EQ(set.runs.size(), 2u);
  EXPECT_THAT(set.problems, ElementsAre());
  EXPECT_EQ(set.runs[1].manifest.hardware(), "H100");
  EXPECT_EQ(set.runs[1].prompt_tokens, 5);
  EXPECT_TRUE(set.runs[1].IsReference());
  EXPECT_EQ(set.runs[1].manifest.prompt().text(), "");
  EXPECT_EQ(set.runs[1].manifest.prompt().token_ids_size(), 0);
}

TEST_F(RunSetTest, PassesOverExperimentsThatAreNotWanted) {
  const RunManifest reference = Write({});
  WriteVariants("batch_size", reference);
  WriteVariants("compile", reference);
  const RunSet set = FindRunSet({{results_}, {"compile"}, false});
  ASSERT_EQ(set.runs.size(), 2u);
  EXPECT_EQ(set.runs[0].manifest.config_id(), "A100_compiled");
  EXPECT_EQ(set.runs[1].manifest.config_id(), "A100_reference");
}

TEST_F(RunSetTest, AMissingFolderIsNamed) {
  EXPECT_THAT(Find().problems, ElementsAre(HasSubstr(results_ + ": no such directory")));
}

TEST_F(RunSetTest, UnfinishedRunsAreNoRuns) {
  Write({});
  std::filesystem::remove(results_ + "/A100-80GB/A100_reference/manifest.textproto");
  const RunSet set = Find();
  EXPECT_TRUE(set.runs.empty());
  EXPECT_TRUE(set.problems.empty());
}

TEST_F(RunSetTest, NonReproducibleRunsAreRefusedUnlessAllowed) {
  SyntheticRun run;
  run.reproducible = false;
  Write(run);
  const RunSet refused = Find();
  EXPECT_TRUE(refused.runs.empty());
  EXPECT_THAT(refused.problems, ElementsAre(HasSubstr("A100_reference is not reproducible")));
  EXPECT_EQ(FindRunSet({{results_}, {}, true}).runs.size(), 1u);
}

// Every manifest or shard that contradicts itself or the other is named and left out.
struct Damage {
  const char* name;
  std::function<void(RunManifest&)> manifest;
  std::function<void(Repetition&)> repetition;
  const char* error;
};

class Damaged : public RunSetTest, public testing::WithParamInterface<Damage> {};

TEST_P(Damaged, IsNamedWithCauseAndTheOthersAreTaken) {
  SyntheticRun run;
  run.edit_manifest = GetParam().manifest;
  run.edit_repetition = GetParam().repetition;
  Write(run);
  SyntheticRun sound;
  sound.hardware = "H100";
  Write(sound);
  const RunSet set = Find();
  ASSERT_EQ(set.runs.size(), 1u);
  EXPECT_EQ(set.runs[0].manifest.hardware(), "H100");
  EXPECT_THAT(set.problems, ElementsAre(AllOf(HasSubstr("A100-80GB/A100_reference"),
                                              HasSubstr(GetParam().error))));
}

INSTANTIATE_TEST_SUITE_P(
    RunSet, Damaged,
    testing::Values(
        Damage{"NoName", [](auto& m) { m.mutable_experiment()->clear_name(); }, nullptr,
               "lacks experiment.name"},
        Damage{"NoHardware", [](auto& m) { m.clear_hardware(); }, nullptr, "lacks hardware"},
        Damage{"NoConfigId", [](auto& m) { m.clear_config_id(); }, nullptr, "lacks config_id"},
        Damage{"NoWindow", [](auto& m) { m.mutable_extraction()->set_window(-1); }, nullptr,
               "lacks extraction.window"},
        Damage{"NoSteps", [](auto& m) { m.clear_decode_steps(); }, nullptr, "lacks decode_steps"},
        Damage{"NoPrompt", [](auto& m) { m.mutable_prompt()->clear_token_ids(); }, nullptr,
               "lacks prompt.token_ids"},
        Damage{"NoRepetitions", [](auto& m) { m.clear_repetitions(); }, nullptr,
               "lacks repetitions"},
        Damage{"NoneStored", [](auto& m) { m.mutable_repetitions(2)->set_stored(false); }, nullptr,
               "lacks a stored repetition"},
        Damage{"RepetitionsOutOfOrder",
               [](auto& m) { m.mutable_repetitions()->SwapElements(0, 1); }, nullptr,
               "repetitions[0].repetition is 1, expected 0"},
        Damage{"ReproducibleWithOtherDigests",
               [](auto& m) { m.mutable_repetitions(1)->set_signals_sha256("x"); }, nullptr,
               "repetitions[1].signals_sha256 of a reproducible run is x"},
        Damage{"NoLoad", [](auto& m) { m.mutable_config()->set_concurrent_work(true); }, nullptr,
               "concurrent_work, but repetitions[0].background_load is missing"},
        Damage{"NoOverlap",
               [](auto& m) {
                 m.mutable_config()->set_concurrent_work(true);
                 for (auto& repetition : *m.mutable_repetitions()) {
                   repetition.mutable_background_load()->set_products(7);
                 }
               },
               nullptr, "repetitions[0].background_load did not overlap with inference"},
        Damage{"OtherWork", [](auto& m) { m.set_work_digest("x"); }, nullptr, "work_digest is"},
        Damage{"StoredWithoutShard", [](auto& m) { m.mutable_repetitions(0)->set_stored(true); },
               nullptr, "rep_0.rank_0_of_1.shard: no such file"},
        Damage{"OtherSteps", [](auto& m) { m.set_decode_steps(9); }, nullptr,
               "number of steps is 4, expected 9"},
        Damage{"OtherLayers", [](auto& m) { m.mutable_extraction()->add_layers(7); }, nullptr,
               "position 2: layers is 1,3, expected 1,3,7"},
        Damage{"OtherHiddenSize", [](auto& m) { m.mutable_model()->set_hidden_size(9); }, nullptr,
               "layer 1: hidden state elements is 8, expected 9"},
        Damage{"OtherKeySize", [](auto& m) { m.mutable_model()->set_key_size(9); }, nullptr,
               "layer 1: key elements is 4, expected 9"},
        Damage{"OtherTopK", [](auto& m) { m.mutable_extraction()->set_top_k_logprobs(9); }, nullptr,
               "log-probs elements is 3, expected 9"},
        Damage{"HugeWindow", [](auto& m) { m.mutable_extraction()->set_window(2000000000); },
               nullptr, "extraction.window is 2000000000, expected at most 1024"},
        Damage{"LongerWindow", [](auto& m) { m.mutable_extraction()->set_window(1024); }, nullptr,
               "number of positions is 6, expected 8"},
        Damage{"OtherPrompt", [](auto& m) { m.mutable_prompt()->set_token_ids(0, 7); }, nullptr,
               "prompt.token_ids_sha256 is "},
        Damage{"HugeToken",
               [](auto& m) { m.mutable_prompt()->set_token_ids(1, (int64_t{1} << 32) + 1); },
               nullptr, "prompt.token_ids holds 4294967297"},
        Damage{"LongerPrompt",
               [](auto& m) {
                 m.mutable_prompt()->add_token_ids(1);
                 m.mutable_prompt()->set_token_ids_sha256(
                     schema::TokenIdsSha256(m.prompt().token_ids()));
               },
               nullptr, "position is 2, expected 3"},
        Damage{"OtherConfiguration", nullptr,
               [](Repetition& r) { r.header.set_config_id("H100_bs2"); },
               "config_id is H100_bs2, expected A100_reference"},
        Damage{"OtherRepetition", nullptr, [](Repetition& r) { r.header.set_repetition(7); },
               "repetition is 7, expected 2"},
        Damage{"PositionMissing", nullptr, [](Repetition& r) { r.positions.pop_back(); },
               "number of positions is 5, expected 6"},
        Damage{"ReferenceLogProbMissing", nullptr,
               [](Repetition& r) {
                 auto& log_probs = *r.positions[0].mutable_reference_log_probs();
                 log_probs.add_token_ids(7);
                 *log_probs.mutable_log_probs() = schema::MakeValues(schema::FLOAT32, "abcd");
               },
               "position 2: reference log-probs elements is 1, expected 3"},
        Damage{"PositionComputedElsewhere", nullptr,
               [](Repetition& r) { r.positions.back().set_computed_at_step(1); },
               "step of position 7 is 1, expected 3"}),
    [](const auto& info) { return info.param.name; });

TEST_F(RunSetTest, DamagedBytesAreNamed) {
  Write({});
  const std::string shard = results_ + "/A100-80GB/A100_reference/rep_2.rank_0_of_1.shard";
  const std::string manifest = results_ + "/A100-80GB/A100_reference/manifest.textproto";
  std::string bytes = *schema::ReadFile(shard);
  std::string flipped = bytes;
  flipped[bytes.size() / 2] = static_cast<char>(flipped[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(schema::WriteFileAtomically(shard, flipped).ok());
  EXPECT_THAT(Find().problems, ElementsAre(AllOf(HasSubstr(shard), HasSubstr("damaged"))));
  ASSERT_TRUE(schema::WriteFileAtomically(shard, bytes.substr(0, bytes.size() / 2)).ok());
  EXPECT_THAT(Find().problems, ElementsAre(AllOf(HasSubstr(shard), HasSubstr("cut off"))));
  ASSERT_TRUE(schema::WriteFileAtomically(manifest, "config_id: \"x\"\n").ok());
  EXPECT_THAT(Find().problems, ElementsAre(AllOf(HasSubstr(manifest), HasSubstr("cut off"))));
}

TEST_F(RunSetTest, PromptsShorterThanTheWindow) {
  SyntheticRun run;
  run.prompt_tokens = 1;
  Write(run);
  EXPECT_EQ(Find().runs.size(), 1u);
}

}  // namespace
}  // namespace forensics::collector
