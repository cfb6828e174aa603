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
  const std::string text = Summarize(Manifest(), "results/x");
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
  EXPECT_THAT(Summarize(manifest, "x"), HasSubstr("NOT bit-identical"));
  EXPECT_THAT(Summarize(manifest, "x"), HasSubstr("key_vectors"));
  schema::RunManifest alone = Manifest();
  alone.mutable_repetitions()->DeleteSubrange(1, 2);
  EXPECT_THAT(Summarize(alone, "x"), HasSubstr("1, so reproducibility is not verifiable"));
  manifest.mutable_decoding()->set_forced(true);
  manifest.mutable_decoding()->set_reference_config_id("H100_reference");
  EXPECT_THAT(Summarize(manifest, "x"),
              HasSubstr("tokens of H100_reference; its own choices agree"));
  manifest.mutable_decoding()->set_first_departure(7);
  EXPECT_THAT(Summarize(manifest, "x"), HasSubstr("first departs at step 7"));
}

TEST(SummaryTest, NextCommand) {
  EXPECT_EQ(NextCommand(Manifest(), "results"), "bazel run //collector:fuse");
  EXPECT_EQ(NextCommand(Manifest(), "r2"), "bazel run //collector:fuse -- r2");
  EXPECT_EQ(NextCommand(schema::RunManifest(), "r2"), "bazel run //schema:inspect -- r2");
}

}  // namespace
}  // namespace forensics::runner
