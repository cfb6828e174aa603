#include "runner/summary.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::HasSubstr;

schema::RunManifest Manifest() {
  schema::RunManifest manifest;
  manifest.set_config_id("A100_reference");
  manifest.set_decode_steps(11);
  manifest.set_reproducible(true);
  for (int i = 0; i < 100; ++i) manifest.mutable_prompt()->add_token_ids(i);
  for (const double seconds : {3.0, 4.0, 5.0}) {
    auto* repetition = manifest.add_repetitions();
    repetition->set_runtime_seconds(seconds);
    repetition->set_prefill_seconds(2);
    repetition->set_decode_seconds(seconds - 2);
    repetition->set_signals_sha256("abc");
  }
  manifest.mutable_decoding()->set_first_departure(-1);
  return manifest;
}

TEST(SummaryTest, SaysWhatAPersonWants) {
  const std::string text = Summarize(Manifest(), "results/x", nullptr);
  for (const char* part :
       {"A100_reference", "3, bit-identical", "SHA-256 abc", "mean 4.000 s, variance 1 s^2",
        "50 tokens/s", "5.0 tokens/s", "results/x", "free (greedy)"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(SummaryTest, Verdicts) {
  schema::RunManifest manifest = Manifest();
  manifest.set_reproducible(false);
  manifest.mutable_first_difference()->set_signal("key_vectors");
  EXPECT_THAT(Summarize(manifest, "x", nullptr), HasSubstr("NOT bit-identical"));
  EXPECT_THAT(Summarize(manifest, "x", nullptr), HasSubstr("key_vectors"));
  schema::RunManifest alone = Manifest();
  alone.mutable_repetitions()->DeleteSubrange(1, 2);
  EXPECT_THAT(Summarize(alone, "x", nullptr), HasSubstr("1, so reproducibility is not verifiable"));
  manifest.mutable_decoding()->set_forced(true);
  manifest.mutable_decoding()->set_reference_config_id("H100_reference");
  EXPECT_THAT(Summarize(manifest, "x", nullptr),
              HasSubstr("tokens of H100_reference; its own choices agree"));
  manifest.mutable_decoding()->set_first_departure(7);
  EXPECT_THAT(Summarize(manifest, "x", nullptr), HasSubstr("first departs at step 7"));
}

TEST(SummaryTest, ABatchNamesItsNeighboursAndCountsTheirTokens) {
  schema::RunManifest manifest = Manifest();
  manifest.add_neighbours()->set_document("doc1.pdf");
  manifest.add_other_shapes("decode linear: 1 row, here 2");
  const std::string text = Summarize(manifest, "x", nullptr);
  for (const char* part : {"beside doc1.pdf, as long", "100 tokens/s", "10.0 tokens/s",
                           "1 saw another shape than in the reference's run"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

TEST(SummaryTest, ConcurrentWorkIsShownWithTheSlowdown) {
  schema::RunManifest manifest = Manifest(), reference = Manifest();
  manifest.mutable_config()->set_concurrent_work(true);
  for (auto& repetition : *manifest.mutable_repetitions()) {
    repetition.set_runtime_seconds(2 * repetition.runtime_seconds());
    schema::BackgroundLoad& load = *repetition.mutable_background_load();
    load.set_workers(1);
    load.set_target_utilisation(0.5);
    load.set_utilisation(0.375);
    load.set_inference_seconds(4);
    load.set_overlap_seconds(3);
  }
  const std::string text = Summarize(manifest, "x", &reference);
  EXPECT_THAT(text, HasSubstr("1 worker, 38% of the processors' time (asked for: 50%), beside "
                              "75.0% of inference"));
  manifest.mutable_config()->set_device("cuda");
  EXPECT_THAT(Summarize(manifest, "x", nullptr), HasSubstr("38% of the GPU's time"));
  EXPECT_THAT(text, HasSubstr("2.00 times the run time of A100_reference"));
}

TEST(SummaryTest, NextCommand) {
  EXPECT_EQ(NextCommand(Manifest(), "results"), "bazel run //collector:fuse");
  EXPECT_EQ(NextCommand(Manifest(), "r2"), "bazel run //collector:fuse -- r2");
  EXPECT_EQ(NextCommand(schema::RunManifest(), "r2"), "bazel run //schema:inspect -- r2");
}

}  // namespace
}  // namespace forensics::runner
