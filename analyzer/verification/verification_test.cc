#include "analyzer/verification/verification.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// The claim of an H100 and its recomputation, whose runs are apart by `offset`.
struct Pair {
  explicit Pair(float offset = 0) {
    AddRun(claimed, "H100_reference", "H100", JsonScalar(std::string("baseline")), 0);
    AddRun(recomputed, "emulated_H100_reference", "emulated:H100",
           JsonScalar(std::string("baseline")), offset);
  }

  Verification Verify() const {
    const VerifiedExperiment verified = VerifyExperiment(claimed, recomputed, {});
    EXPECT_THAT(verified.not_recomputed, IsEmpty());
    EXPECT_THAT(verified.verifications, SizeIs(1));
    return verified.verifications.at(0);
  }

  Experiment claimed = MakeExperiment("reference", "none");
  Experiment recomputed = MakeExperiment("reference", "none");
};

TEST(VerifyExperiment, SaysEqualOfTheSameBits) {
  const Pair pair;
  const Verification verification = pair.Verify();
  EXPECT_EQ(verification.verdict, Verdict::kEqual) << verification.reason;
  EXPECT_GT(verification.values, 0);
  EXPECT_EQ(verification.parted_vectors, 0);
  EXPECT_EQ(verification.recomputed->hardware, "emulated:H100");
}

TEST(VerifyExperiment, NamesTheFirstPlaceInTheOrderOfComputation) {
  Pair pair;
  // A later position of an earlier layer comes after.
  SetVector(pair.recomputed.runs[0], kHidden1, {2, -1}, {9, 9, 9});
  std::vector<float> values = *pair.claimed.runs[0].vectors.at(kHidden2).at({1, -1});
  values[1] = std::nextafter(values[1], 100.0f);
  SetVector(pair.recomputed.runs[0], kHidden2, {1, -1}, values);
  const Verification verification = pair.Verify();
  EXPECT_EQ(verification.verdict, Verdict::kParted);
  EXPECT_THAT(verification.reason, HasSubstr("repetition 0, step 1, hidden_states/layer_2/pos_-1, "
                                             "element 1: "));
  EXPECT_THAT(verification.reason, HasSubstr("1 float32 ULPs apart"));
  EXPECT_EQ(verification.parted_vectors, 2);
}

TEST(VerifyExperiment, TellsMinusZeroFromZero) {
  Pair pair;
  SetVector(pair.claimed.runs[0], kKeys1, {0, -3}, {0.0f});
  SetVector(pair.recomputed.runs[0], kKeys1, {0, -3}, {-0.0f});
  EXPECT_THAT(pair.Verify().reason, HasSubstr("key_vectors/layer_1/pos_-3, element 0: 0 "
                                              "(0x00000000), recomputed -0 (0x80000000)"));
}

TEST(VerifyExperiment, CountsNoUlpsFromWhatIsNotFinite) {
  Pair pair;
  SetVector(pair.claimed.runs[0], kKeys1, {0, -3}, {INFINITY});
  SetVector(pair.recomputed.runs[0], kKeys1, {0, -3}, {0.0f});
  const std::string reason = pair.Verify().reason;
  EXPECT_THAT(reason, HasSubstr("inf (0x7f800000), recomputed 0 (0x00000000)"));
  EXPECT_THAT(reason, Not(HasSubstr("ULPs")));
}

TEST(VerifyExperiment, MissesWhatOneStoresAlone) {
  Pair pair;
  pair.recomputed.runs[0].vectors.at(kHidden2).erase({2, -1});
  EXPECT_THAT(pair.Verify().reason, HasSubstr("hidden_states/layer_2/pos_-1, not recomputed"));
  Pair other;
  other.claimed.runs[0].vectors.erase(kHidden1);
  EXPECT_THAT(other.Verify().reason, HasSubstr("hidden_states/layer_1/pos_-3, recomputed alone"));
}

TEST(VerifyExperiment, ComparesTokens) {
  Pair pair;
  pair.recomputed.runs[0].steps[2].token_id = 7;
  EXPECT_THAT(pair.Verify().reason, HasSubstr("step 2, token chosen: 102, recomputed 7"));
  pair.recomputed.runs[0].steps[1].fed_token_id = 8;
  EXPECT_THAT(pair.Verify().reason, HasSubstr("step 1, token fed: "));
}

TEST(VerifyExperiment, HoldsEveryRepetitionOfTheClaim) {
  Pair pair;
  pair.claimed.runs.push_back(MakeRun("H100_reference", {0.5f, 3, 1}));
  EXPECT_THAT(pair.Verify().reason, HasSubstr("repetition 1, step 0, "));
}

TEST(VerifyExperiment, HoldsDigestsOfWhatIsNotStored) {
  Pair pair;
  RunRecord digest_alone;
  digest_alone.config_id = "H100_reference";
  digest_alone.rep_id = 1;
  digest_alone.signals_sha256 = "aa";
  pair.claimed.runs.push_back(digest_alone);
  pair.recomputed.runs[0].signals_sha256 = "aa";
  EXPECT_EQ(pair.Verify().verdict, Verdict::kEqual);
  pair.recomputed.runs[0].signals_sha256.clear();
  EXPECT_EQ(pair.Verify().verdict, Verdict::kNotComparable) << "nothing was held against it";
  pair.recomputed.runs[0].signals_sha256 = "aa";
  pair.claimed.runs[1].signals_sha256 = "ab";
  EXPECT_THAT(pair.Verify().reason, HasSubstr("no values stored, and signals_sha256 is ab"));
  pair.claimed.runs[0].signals_sha256 = "ac";
  EXPECT_THAT(pair.Verify().reason, HasSubstr("the stored values agree, but signals_sha256 is ac"));
}

TEST(VerifyExperiment, JudgesNoOtherPromptAndNothing) {
  Pair pair(1);
  pair.claimed.runs[0].prompt_text = "a";
  pair.recomputed.runs[0].prompt_text = "b";
  EXPECT_EQ(pair.Verify().verdict, Verdict::kNotComparable);
  EXPECT_THAT(pair.Verify().statements.contradictions,
              ElementsAre("prompt_text of repetition 0: another text"));
  Pair empty;
  empty.claimed.runs.clear();
  EXPECT_EQ(empty.Verify().verdict, Verdict::kNotComparable);
  EXPECT_THAT(empty.Verify().reason, HasSubstr("no repetition of the claim is stored"));
}

// Equal bits, with a statement changed on the claim's side.
TEST(VerifyExperiment, ContradictsFalseStatementsOfEqualBits) {
  for (const char* name :
       {"dtype", "world_size", "fixed_params.batch_size", "fixed_params.attention_impl",
        "fixed_params.quantization", "settings.model_digest", "settings.decode_graph"}) {
    Pair pair;
    pair.claimed.configurations[0].circumstances[name] = "one";
    pair.recomputed.configurations[0].circumstances[name] = "two";
    EXPECT_EQ(pair.Verify().verdict, Verdict::kContradicted) << name;
    EXPECT_THAT(pair.Verify().statements.contradictions,
                ElementsAre(absl::StrCat(name, ": one, recomputed with two")));
  }
  Pair model;
  model.claimed.facts["model"] = "large";
  model.recomputed.facts["model"] = "small";
  EXPECT_EQ(model.Verify().verdict, Verdict::kContradicted);
  Pair prompt;
  prompt.claimed.runs[0].prompt_text = "a";
  prompt.recomputed.runs[0].prompt_text = "b";
  EXPECT_EQ(prompt.Verify().verdict, Verdict::kContradicted);
  Pair reference;
  reference.claimed.configurations[0].reference_signals_sha256 = "aa";
  reference.recomputed.configurations[0].reference_signals_sha256 = "ab";
  EXPECT_EQ(reference.Verify().verdict, Verdict::kContradicted);
}

TEST(VerifyExperiment, TakesOtherMachinesForNoContradiction) {
  Pair pair;
  for (const char* name : {"cuda_version", "settings.threads", "settings.cublas"}) {
    pair.claimed.configurations[0].circumstances[name] = "one";
    pair.recomputed.configurations[0].circumstances[name] = "two";
  }
  EXPECT_EQ(pair.Verify().verdict, Verdict::kEqual);
}

TEST(VerifyExperiment, ListsWhatOneAloneStates) {
  Pair pair;
  pair.recomputed.runs[0].prompt_text = "a";
  pair.recomputed.runs[0].signals_sha256 = "aa";
  pair.recomputed.configurations[0].circumstances["dtype"] = "bfloat16";
  pair.claimed.facts["model"] = "small";
  RunRecord bare;
  bare.config_id = "H100_reference";
  bare.rep_id = 1;
  bare.prompt_text = "a";
  bare.signals_sha256 = "aa";
  pair.claimed.runs.push_back(bare);
  EXPECT_EQ(pair.Verify().verdict, Verdict::kEqual);
  EXPECT_THAT(pair.Verify().statements.unchecked,
              ElementsAre("dtype: not stated by the claim",
                          "experiment_metadata.model: not stated by the recomputation",
                          "prompt_text of repetition 0: not stated by the claim",
                          "signals_sha256 of repetition 0: not stated by the claim"));
  pair.claimed.runs[1].signals_sha256 = "";
  EXPECT_EQ(pair.Verify().verdict, Verdict::kNotComparable);
  EXPECT_EQ(pair.Verify().reason, "repetition 1 has neither values nor a digest to compare");
  EXPECT_THAT(pair.Verify().statements.unchecked,
              testing::Contains("bits of repetition 1: the claim has neither its values nor their "
                                "digest"));
}

TEST(VerifyExperiment, NotesARecomputationThatIsNoEmulationOfTheClaimsGpu) {
  Pair pair;
  EXPECT_THAT(pair.Verify().notes, IsEmpty());
  pair.recomputed.configurations[0].hardware = "emulated:A100";
  EXPECT_THAT(pair.Verify().notes, ElementsAre("the recomputation is of another GPU than the "
                                               "claim's: A100, claimed H100"));
  pair.recomputed.configurations[0].hardware = "NVIDIA H100 80GB HBM3";
  EXPECT_THAT(pair.Verify().notes, ElementsAre("the recomputation is not emulated: its hardware is "
                                               "NVIDIA H100 80GB HBM3"));
}

TEST(VerifyExperiment, PairsByValueOrById) {
  Pair pair;
  AddRun(pair.claimed, "H100_bs2", "H100", JsonScalar(int64_t{2}), 0);
  const VerifiedExperiment verified = VerifyExperiment(pair.claimed, pair.recomputed, {});
  EXPECT_THAT(verified.verifications, SizeIs(1));
  EXPECT_THAT(verified.not_recomputed, ElementsAre("H100_bs2 (none=2): not recomputed"));
  // Two of the same value: which is meant would be a guess.
  AddRun(pair.claimed, "A100_reference", "A100", JsonScalar(std::string("baseline")), 3);
  EXPECT_THAT(VerifyExperiment(pair.claimed, pair.recomputed, {}).verifications, IsEmpty());
  const VerifiedExperiment named = VerifyExperiment(pair.claimed, pair.recomputed,
                                                    {"H100_reference", "emulated_H100_reference"});
  ASSERT_THAT(named.verifications, SizeIs(1));
  EXPECT_EQ(named.verifications[0].verdict, Verdict::kEqual);
  EXPECT_THAT(VerifyExperiment(pair.claimed, pair.recomputed, {"X", "Y"}).not_recomputed,
              SizeIs(2));
}

}  // namespace
}  // namespace forensics::analyzer
