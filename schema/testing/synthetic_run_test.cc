#include "schema/testing/synthetic_run.h"

#include <gtest/gtest.h>

#include <cmath>

namespace forensics::schema {
namespace {

std::string Results() {
  return testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
}

TEST(SyntheticRun, IsARunDirectoryLikeAnyOther) {
  SyntheticRun run;
  run.experiment = SyntheticExperiment("batch_size");
  run.variant = 1;
  const auto directory = WriteSyntheticRun(run, Results());
  ASSERT_TRUE(directory.ok()) << directory.status();
  ASSERT_EQ(FindRuns(Results())->runs.size(), 1u);
  const auto manifest = directory->ReadManifest();
  ASSERT_TRUE(manifest.ok()) << manifest.status();
  EXPECT_EQ(manifest->config_id(), "A100_bs4");
  EXPECT_EQ(manifest->config().batch_size(), 4);
  EXPECT_EQ(manifest->config().attention_impl(), "flash_attention_2");
  const auto repetition = ReadShard(directory->ShardPath(2, 0, 1));
  ASSERT_TRUE(repetition.ok()) << repetition.status();
  EXPECT_EQ(repetition->footer.signals_sha256(), manifest->repetitions(2).signals_sha256());
  EXPECT_EQ(repetition->steps.size(), 4u);
  EXPECT_EQ(repetition->positions.size(), 6u);  // 3 of the prefill, 3 of the decode steps
  EXPECT_FALSE(ReadShard(directory->ShardPath(0, 0, 1)).ok()) << "only the last one is kept";
}

TEST(SyntheticRun, EqualSeedsGiveEqualBitsAndNoiseChangesThem) {
  SyntheticRun run;
  const std::string digest = SignalsDigest(MakeRepetition(run, 0));
  EXPECT_EQ(SignalsDigest(MakeRepetition(run, 1)), digest);
  run.noise = 1e-3;
  const std::string noisy = SignalsDigest(MakeRepetition(run, 0));
  EXPECT_NE(noisy, digest);
  run.noise_seed = 7;
  EXPECT_NE(SignalsDigest(MakeRepetition(run, 0)), noisy);
  run.noise = 0;
  run.seed = 2;
  EXPECT_NE(SignalsDigest(MakeRepetition(run, 0)), digest);
}

TEST(SyntheticRun, AForcedRunIsFedTheReferencesTokensAndMayChooseOthers) {
  const RunManifest reference = *WriteSyntheticRun({}, Results())->ReadManifest();
  SyntheticRun run;
  run.reference = &reference;
  run.diverges_at = 2;
  const Repetition free = MakeRepetition({}, 0);
  const Repetition forced = MakeRepetition(run, 0);
  for (int step = 0; step < run.decode_steps; ++step) {
    EXPECT_EQ(forced.steps[step].fed_token_id(), free.steps[step].token_id());
    EXPECT_EQ(forced.steps[step].token_id() == free.steps[step].token_id(), step < 2);
  }
  EXPECT_TRUE(forced.positions[0].has_reference_log_probs());
}

TEST(SyntheticRun, SixteenBitTypesAreFinite) {
  for (const DType dtype : {BFLOAT16, FLOAT16}) {
    SyntheticRun run;
    run.dtype = dtype;
    for (const PositionRecord& position : MakeRepetition(run, 0).positions) {
      const std::vector<float> values = *ToFloats(position.layers(0).hidden_state());
      for (const float value : values) EXPECT_TRUE(std::isfinite(value));
    }
  }
}

TEST(SyntheticRun, NonReproducibleRunsKeepAllRepetitions) {
  SyntheticRun run;
  run.reproducible = false;
  const auto directory = WriteSyntheticRun(run, Results());
  const RunManifest manifest = *directory->ReadManifest();
  EXPECT_EQ(manifest.repetitions(0).signals_sha256(), manifest.repetitions(1).signals_sha256());
  EXPECT_NE(manifest.repetitions(0).signals_sha256(), manifest.repetitions(2).signals_sha256());
  EXPECT_TRUE(ReadShard(directory->ShardPath(0, 0, 1)).ok());
}

}  // namespace
}  // namespace forensics::schema
