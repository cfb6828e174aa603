#include "analyzer/comparison/reproducibility.h"

#include "analyzer/comparison/run_difference.h"
#include "analyzer/testing/builders.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::SizeIs;

RunRecord Repetition(int64_t rep_id, float offset = 0) {
  RunShape shape;
  shape.rep_id = rep_id;
  shape.offset = offset;
  return MakeRun("A100_bs1", shape);
}

RunRecord DigestAlone(int64_t rep_id, const std::string& digest) {
  RunRecord run;
  run.config_id = "A100_bs1";
  run.rep_id = rep_id;
  run.signals_sha256 = digest;
  return run;
}

// One configuration with the given runs, and another's beside it.
class Configured {
 public:
  explicit Configured(std::optional<bool> declared = std::nullopt) : declared_(declared) {}

  Reproducibility Check(std::vector<RunRecord> runs) {
    experiment_ = MakeExperiment("batch_size", "batch_size");
    experiment_.configurations = {MakeConfiguration("A100_bs1", "A100", int64_t{1})};
    experiment_.configurations[0].reproducible = declared_;
    experiment_.runs = std::move(runs);
    experiment_.runs.push_back(MakeRun("A100_bs2"));
    return CheckReproducibility(experiment_, experiment_.configurations[0], kHidden2);
  }

 private:
  std::optional<bool> declared_;
  Experiment experiment_;
};

TEST(Reproducible, ThreeStoredRepetitionsWithTheSameBits) {
  Configured one;
  const Reproducibility checked = one.Check({Repetition(0), Repetition(1), Repetition(2)});
  EXPECT_THAT(checked.reproducible, Optional(true));
  ASSERT_THAT(checked.pairs, SizeIs(3));
  EXPECT_EQ(checked.pairs[0].name, "rep0_vs_rep1");
  EXPECT_EQ(checked.pairs[2].name, "rep1_vs_rep2");
  EXPECT_THAT(checked.pairs[2].l2, Optional(0.0));
  EXPECT_EQ(checked.repetitions, 3);
  EXPECT_EQ(checked.stored_repetitions, 3);
  EXPECT_FALSE(checked.flagged());
}

TEST(Reproducible, AnyValueOfAnyLayerSignalAndPositionCounts) {
  Configured one;
  struct Change {
    const char* where;
    void (*apply)(RunRecord& run);
  };
  const Change changes[] = {
      {"step 1: hidden_states/layer_1/pos_-2: element 3",
       [](RunRecord& run) {
         SetVector(run, kHidden1, {1, -2}, {0, 8, 0, 1.5});
       }},
      {"step 2: key_vectors/layer_1/pos_-3: element 0",
       [](RunRecord& run) {
         SetVector(run, kKeys1, {2, -3}, {-0.0f, 0});
       }},
      {"step 0: logprobs/pos_-1: element 2",
       [](RunRecord& run) {
         run.log_probs[{0, -1}].values[2] = -3.5;
       }},
      {"step 0: logprobs/pos_-1: other token ids",
       [](RunRecord& run) {
         run.log_probs[{0, -1}].token_ids[2] = 10;
       }},
      {"step 1: reference_log_probs/pos_-1: stored by one repetition alone",
       [](RunRecord& run) {
         run.reference_log_probs[{1, -1}] = {{1}, {-1}};
       }},
      {"step 2: token 7, fed none and token 102, fed none",
       [](RunRecord& run) { run.steps[2].token_id = 7; }},
      {"step 2: stored by one repetition alone", [](RunRecord& run) { run.steps.erase(2); }},
      {"step 0: hidden_states/layer_1/pos_-1: stored by one repetition alone",
       [](RunRecord& run) {
         run.vectors[kHidden1].erase({0, -1});
       }},
      {"step 0: hidden_states/layer_1/pos_-1: 1 and 4 values",
       [](RunRecord& run) {
         SetVector(run, kHidden1, {0, -1}, {0});
       }},
  };
  for (const Change& change : changes) {
    RunRecord changed = Repetition(1);
    change.apply(changed);
    const Reproducibility checked = one.Check({changed, Repetition(0), Repetition(2)});
    EXPECT_THAT(checked.reproducible, Optional(false)) << change.where;
    EXPECT_TRUE(checked.flagged());
    const std::optional<std::string> difference = FirstDifference(changed, Repetition(0));
    ASSERT_TRUE(difference.has_value()) << change.where;
    EXPECT_THAT(*difference, HasSubstr(change.where));
    EXPECT_THAT(checked.note, HasSubstr("not reproducible: rep0_vs_rep1"));
  }
}

TEST(Reproducible, MinusZeroIsNotZero) {
  Configured one;
  EXPECT_THAT(one.Check({Repetition(0, 0.0f), Repetition(1, -0.0f)}).reproducible, Optional(false));
}

TEST(Reproducible, OneStoredRepetitionAndEqualDigests) {
  Configured one;
  RunRecord stored = Repetition(2);
  stored.signals_sha256 = "aa";
  const Reproducibility checked = one.Check({DigestAlone(0, "aa"), DigestAlone(1, "aa"), stored});
  EXPECT_THAT(checked.reproducible, Optional(true));
  EXPECT_THAT(checked.pairs[0].l2, Optional(0.0));
  EXPECT_EQ(checked.compared_run->rep_id, 2);
  EXPECT_EQ(checked.stored_repetitions, 1);
}

TEST(Reproducible, OneDigestThatDiffers) {
  Configured one;
  RunRecord stored = Repetition(2);
  stored.signals_sha256 = "aa";
  const Reproducibility checked = one.Check({DigestAlone(0, "aa"), DigestAlone(1, "bb"), stored});
  EXPECT_THAT(checked.reproducible, Optional(false));
  EXPECT_FALSE(checked.pairs[0].l2.has_value()) << "how far is not known";
}

TEST(Reproducible, WhereSignalsAreStoredTheyDecideAndDigestsThatDifferAreNoted) {
  Configured one;
  RunRecord a = Repetition(0), b = Repetition(1);
  a.signals_sha256 = "aa";
  b.signals_sha256 = "bb";
  const Reproducibility checked = one.Check({a, b});
  EXPECT_THAT(checked.reproducible, Optional(true));
  EXPECT_THAT(checked.note, HasSubstr("digests do not"));
}

TEST(Reproducible, OneRepetitionIsNotVerifiable) {
  Configured one;
  EXPECT_EQ(one.Check({Repetition(0)}).reproducible, std::nullopt);
  EXPECT_THAT(one.Check({Repetition(0)}).note, HasSubstr("not verifiable"));
  RunRecord with_digest = Repetition(0);
  with_digest.signals_sha256 = "aa";
  EXPECT_EQ(one.Check({with_digest}).reproducible, std::nullopt);
}

TEST(Reproducible, ARepetitionWithNothingToCompareIsNotVerifiable) {
  Configured one;
  const Reproducibility checked = one.Check({Repetition(0), Repetition(1), DigestAlone(2, "")});
  EXPECT_EQ(checked.reproducible, std::nullopt);
  EXPECT_THAT(checked.note, HasSubstr("not verifiable"));
  // Those without ties to the first may still contradict each other.
  EXPECT_THAT(one.Check({Repetition(0), DigestAlone(1, "aa"), DigestAlone(2, "bb")}).reproducible,
              Optional(false));
}

TEST(Reproducible, ComparedIsTheLowestStoredRepetition) {
  Configured one;
  const Reproducibility checked =
      one.Check({Repetition(2, 2), Repetition(1, 1), DigestAlone(0, "aa")});
  ASSERT_NE(checked.compared_run, nullptr);
  EXPECT_EQ(checked.compared_run->rep_id, 1);
  EXPECT_EQ(checked.pairs[2].name, "rep1_vs_rep2");
  EXPECT_THAT(checked.pairs[2].l2, Optional(1.0));
}

TEST(Reproducible, NoRunAtAll) {
  Configured one;
  const Reproducibility checked = one.Check({});
  EXPECT_EQ(checked.reproducible, std::nullopt);
  EXPECT_EQ(checked.compared_run, nullptr);
  EXPECT_THAT(checked.pairs, SizeIs(0));
}

TEST(Reproducible, TheFilesOwnVerdictFlagsToo) {
  EXPECT_TRUE(Configured(false).Check({Repetition(0), Repetition(1)}).flagged());
  EXPECT_FALSE(Configured(true).Check({Repetition(0), Repetition(1)}).flagged());
}

TEST(Reproducible, TwoRunsWithTheSameRepIdAreBothCompared) {
  Configured one;
  const Reproducibility checked = one.Check({Repetition(0), Repetition(0, 1)});
  EXPECT_THAT(checked.reproducible, Optional(false));
  EXPECT_EQ(checked.pairs[0].name, "rep0_vs_rep1");
}

}  // namespace
}  // namespace forensics::analyzer
