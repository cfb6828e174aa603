#include "schema/rank_join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "schema/testing/split_ranks.h"
#include "schema/testing/synthetic_run.h"

namespace forensics::schema {
namespace {

using ::testing::HasSubstr;

constexpr int kVocabulary = 1000;

// Forced, so that there are log-probs at the reference's ids too; 4 key elements of 2 heads.
Repetition Whole() {
  RunManifest reference;
  reference.add_repetitions();
  SyntheticRun run;
  run.reference = &reference;
  run.top_k = 10;
  Repetition whole = MakeRepetition(run, 1);
  KernelUse& use = *whole.footer.add_kernels();
  use.set_phase("decode");
  use.set_kernel("linear");
  use.set_calls(3);
  use.set_min_rows(1);
  use.set_max_rows(4);
  whole.footer.mutable_background_load()->set_workers(7);
  return whole;
}

std::vector<Repetition> Split(int tp_size, int ep_size) {
  return SplitForRanks(Whole(), {tp_size, ep_size, /*key_heads=*/2, kVocabulary});
}

Values Flipped(const Values& values, size_t byte) {
  std::string data = values.data();
  data[byte] = static_cast<char>(data[byte] ^ 1);
  return MakeValues(values.dtype(), std::move(data));
}

std::string ErrorOf(const std::vector<Repetition>& ranks) {
  return std::string(JoinRanks(ranks).status().message());
}

struct Layout {
  int tp_size;
  int ep_size;
};

class EveryLayout : public testing::TestWithParam<Layout> {};

TEST_P(EveryLayout, GivesBackTheSingleProcessesBits) {
  const Repetition whole = Whole();
  const auto joined = JoinRanks(Split(GetParam().tp_size, GetParam().ep_size));
  ASSERT_TRUE(joined.ok()) << joined.status();
  ASSERT_EQ(joined->positions.size(), whole.positions.size());
  for (size_t i = 0; i < whole.positions.size(); ++i) {
    EXPECT_EQ(joined->positions[i].SerializeAsString(), whole.positions[i].SerializeAsString());
  }
  EXPECT_EQ(joined->footer.signals_sha256(), whole.footer.signals_sha256());
  EXPECT_EQ(joined->header.world_size(), GetParam().tp_size * GetParam().ep_size);
  EXPECT_EQ(joined->header.rank(), 0);
  EXPECT_FALSE(joined->header.has_part());
}

// Four tensor-parallel ranks share two key heads; 2 x 2 ranks are two groups of replicas.
INSTANTIATE_TEST_SUITE_P(Layouts, EveryLayout,
                         testing::Values(Layout{1, 1}, Layout{2, 1}, Layout{4, 1}, Layout{1, 2},
                                         Layout{1, 4}, Layout{2, 2}));

TEST(JoinRanks, ThePartsAreSmallerThanTheWhole) {
  const Repetition whole = Whole();
  for (const Repetition& rank : Split(2, 1)) {
    EXPECT_NE(SignalsDigest(rank), whole.footer.signals_sha256());
    EXPECT_EQ(rank.positions[0].layers(0).key().data().size(), 2 * sizeof(float));
    EXPECT_EQ(rank.header.part().key_end() - rank.header.part().key_begin(), 2);
  }
}

TEST(JoinRanks, TimesAndLoadAreRankZerosAndKernelsAreOfAllRanks) {
  std::vector<Repetition> ranks = Split(2, 1);
  ranks[1].footer.set_runtime_seconds(99);
  ranks[1].footer.mutable_background_load()->set_workers(3);
  ranks[1].steps[0].set_seconds(99);
  ranks[1].footer.mutable_kernels(0)->set_max_rows(9);
  *ranks[1].footer.add_kernels() = ranks[1].footer.kernels(0);
  ranks[1].footer.mutable_kernels(1)->set_kernel("softmax");
  const auto joined = JoinRanks(ranks);
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(joined->footer.runtime_seconds(), ranks[0].footer.runtime_seconds());
  EXPECT_EQ(joined->footer.background_load().workers(), 7);
  EXPECT_EQ(joined->steps[0].seconds(), ranks[0].steps[0].seconds());
  ASSERT_EQ(joined->footer.kernels_size(), 2);
  EXPECT_EQ(joined->footer.kernels(0).calls(), 6);
  EXPECT_EQ(joined->footer.kernels(0).min_rows(), 1);
  EXPECT_EQ(joined->footer.kernels(0).max_rows(), 9);
  EXPECT_EQ(joined->footer.kernels(1).kernel(), "softmax");
}

TEST(JoinRanks, NoRankIsAnError) { EXPECT_THAT(ErrorOf({}), HasSubstr("no rank")); }

struct Contradiction {
  const char* name;
  int tp_size;
  int ep_size;
  std::function<void(std::vector<Repetition>&)> make;
  const char* error;
};

class Contradictions : public testing::TestWithParam<Contradiction> {};

TEST_P(Contradictions, AreNamed) {
  std::vector<Repetition> ranks = Split(GetParam().tp_size, GetParam().ep_size);
  ASSERT_TRUE(JoinRanks(ranks).ok());
  GetParam().make(ranks);
  const absl::Status status = JoinRanks(ranks).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().error));
}

using Ranks = std::vector<Repetition>;

LogProbs& Top(Repetition& rank, int position) {
  return *rank.positions[position].mutable_top_log_probs();
}

// The first position's list, cut in two: the first rank with an entry, and its first entry.
Repetition& WithEntries(Ranks& ranks) {
  return ranks[0].positions[0].top_log_probs().token_ids().empty() ? ranks[1] : ranks[0];
}

const Contradiction kContradictions[] = {
    {"RankNumber", 2, 1, [](Ranks& r) { r[1].header.set_rank(2); },
     "shard of rank 1: rank is 2, expected 1"},
    {"WorldSize", 1, 2, [](Ranks& r) { r[1].header.set_world_size(4); },
     "shard of rank 1: world_size is 4, expected 2"},
    {"MissingRank", 1, 2, [](Ranks& r) { r.pop_back(); }, "world_size is 2, expected 1"},
    {"Repetition", 1, 2, [](Ranks& r) { r[1].header.set_repetition(2); },
     "shard of rank 1: repetition is 2, expected 1"},
    {"ConfigId", 1, 2, [](Ranks& r) { r[1].header.set_config_id("x"); },
     "config_id is x on rank 1, A100_reference on rank 0"},
    {"WorkDigest", 1, 2, [](Ranks& r) { r[1].header.set_work_digest("x"); },
     "work_digest is x on rank 1"},
    {"OneWithoutPart", 2, 1, [](Ranks& r) { r[1].header.clear_part(); },
     "rank 1 holds everything, rank 0 a part"},
    {"Token", 1, 2, [](Ranks& r) { r[1].steps[2].set_token_id(7); },
     "step 2: token_id is 7 on rank 1"},
    {"FedToken", 2, 1, [](Ranks& r) { r[1].steps[2].set_fed_token_id(7); },
     "step 2: fed_token_id is 7 on rank 1"},
    {"Text", 2, 1, [](Ranks& r) { r[1].steps[2].set_token_text("q"); },
     "step 2: token_text is q on rank 1"},
    {"FewerSteps", 2, 1, [](Ranks& r) { r[1].steps.pop_back(); },
     "number of steps is 3 on rank 1, 4 on rank 0"},
    {"FewerPositions", 2, 1, [](Ranks& r) { r[1].positions.pop_back(); },
     "number of positions is 5 on rank 1, 6 on rank 0"},
    {"OtherPosition", 2, 1, [](Ranks& r) { r[1].positions[0].set_position(9); },
     "position 2: position is 9 on rank 1"},
    {"OtherLayer", 2, 1, [](Ranks& r) { r[1].positions[0].mutable_layers(1)->set_layer(2); },
     "position 2: layer number 1 is 2 on rank 1, 3 on rank 0"},
    {"NoReference", 2, 1, [](Ranks& r) { r[1].positions[0].clear_reference_log_probs(); },
     "has_reference_log_probs"},
    {"HiddenState", 4, 1,
     [](Ranks& r) {
       Values& values = *r[3].positions[1].mutable_layers(1)->mutable_hidden_state();
       values = Flipped(Flipped(values, 20), 24);
     },
     "position 3, layer 3, hidden state: ranks 0 and 3 are no replicas: element 5 is 0x"},
    {"ReplicatedKeyHead", 4, 1,
     [](Ranks& r) {
       Values& values = *r[3].positions[0].mutable_layers(0)->mutable_key();
       values = Flipped(values, 0);
     },
     "position 2, layer 1, key: ranks 2 and 3 are no replicas: element 0 is 0x"},
    {"ReplicatedKey", 1, 2,
     [](Ranks& r) {
       Values& values = *r[1].positions[0].mutable_layers(0)->mutable_key();
       values = Flipped(values, 4);
     },
     "key: ranks 0 and 1 are no replicas: element 1 is 0x"},
    {"KeyGap", 2, 1, [](Ranks& r) { r[1].header.mutable_part()->set_key_begin(3); },
     "rank 1 holds key elements [3, 4), expected a part that begins at 2"},
    {"KeyOverlap", 2, 1, [](Ranks& r) { r[1].header.mutable_part()->set_key_begin(1); },
     "rank 1 holds key elements [1, 4), expected a part that begins at 2"},
    {"KeyEmpty", 2, 1, [](Ranks& r) { r[0].header.mutable_part()->set_key_end(0); },
     "rank 0 holds key elements [0, 0)"},
    {"KeyElements", 2, 1,
     [](Ranks& r) {
       *r[1].positions[0].mutable_layers(0)->mutable_key() = MakeValues(FLOAT32, "abcd");
     },
     "key: rank 1 holds 1 elements of FLOAT32, expected 2 of FLOAT32"},
    {"KeyDType", 2, 1,
     [](Ranks& r) {
       *r[1].positions[0].mutable_layers(0)->mutable_key() = MakeValues(BFLOAT16, "abcdefgh");
     },
     "of BFLOAT16, expected 2 of FLOAT32"},
    {"VocabularyGap", 2, 1, [](Ranks& r) { r[1].header.mutable_part()->set_vocab_begin(501); },
     "rank 1 holds token ids [501, 1000), expected a part that begins at 500"},
    {"ForeignToken", 2, 1, [](Ranks& r) { Top(WithEntries(r), 0).set_token_ids(0, 4000); },
     "holds token id 4000, but vocabulary ["},
    {"SlotTwice", 2, 1,
     [](Ranks& r) { Top(WithEntries(r), 0).set_slots(1, Top(WithEntries(r), 0).slots(0)); },
     "which is filled already"},
    {"SlotOutside", 2, 1, [](Ranks& r) { Top(WithEntries(r), 0).set_slots(0, 10); },
     "fills slot 10 of 10"},
    {"NegativeSlot", 2, 1, [](Ranks& r) { Top(WithEntries(r), 0).set_slots(0, -1); },
     "fills slot -1 of 10"},
    {"NoSlots", 2, 1, [](Ranks& r) { Top(WithEntries(r), 0).clear_slots(); },
     "holds a part of the vocabulary, but 0 slots"},
    {"SlotsWithoutNeed", 1, 2,
     [](Ranks& r) {
       for (Repetition& rank : r) Top(rank, 0).add_slots(0);
     },
     "all ranks hold the whole vocabulary, but slots"},
    {"ReplicatedLogProb", 1, 2,
     [](Ranks& r) {
       Values& values = *r[1].positions[4].mutable_reference_log_probs()->mutable_log_probs();
       values = Flipped(values, 8);
     },
     "position 6, reference log-probs: ranks 0 and 1 are no replicas: element 2 is 0x"},
    {"ReplicatedId", 1, 2, [](Ranks& r) { Top(r[1], 3).set_token_ids(0, 1); },
     "position 5, log-probs: ranks 0 and 1 are no replicas: their token ids or slots differ"},
};

INSTANTIATE_TEST_SUITE_P(JoinRanks, Contradictions, testing::ValuesIn(kContradictions),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(JoinRanks, AReplicasDifferenceIsCountedAndShownInBits) {
  std::vector<Repetition> ranks = Split(1, 2);
  const std::string data = std::string("\x00\x00\x80\x3f", 4) + std::string("\x00\x00\x00\x40", 4);
  const std::string other = std::string("\x00\x00\x80\x3f", 4) + std::string("\x01\x00\x00\x40", 4);
  *ranks[0].positions[0].mutable_layers(0)->mutable_hidden_state() = MakeValues(FLOAT32, data);
  *ranks[1].positions[0].mutable_layers(0)->mutable_hidden_state() = MakeValues(FLOAT32, other);
  EXPECT_EQ(ErrorOf(ranks),
            "position 2, layer 1, hidden state: ranks 0 and 1 are no replicas: element 1 is "
            "0x40000000 and 0x40000001; 1 of 2 elements differ");
}

}  // namespace
}  // namespace forensics::schema
