#include "runner/capture/repetition_comparison.h"

#include <cstring>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace forensics::runner {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Bytes(const std::vector<float>& floats) {
  std::string bytes(floats.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), floats.data(), bytes.size());
  return bytes;
}

schema::Values Floats(const std::vector<float>& floats) {
  return schema::MakeValues(schema::FLOAT32, Bytes(floats));
}

// Two steps, three positions (two of the prefill), two layers.
schema::Repetition Sample(int number) {
  schema::Repetition repetition;
  repetition.header.set_repetition(number);
  for (int i = 0; i < 2; ++i) {
    schema::StepRecord& step = repetition.steps.emplace_back();
    step.set_step(i);
    step.set_token_id(5);
    step.set_fed_token_id(5);
  }
  for (int i = 0; i < 3; ++i) {
    schema::PositionRecord& position = repetition.positions.emplace_back();
    position.set_position(10 + i);
    position.set_computed_at_step(i < 2 ? 0 : 1);
    for (const int layer : {1, 4}) {
      schema::LayerSignals& signals = *position.add_layers();
      signals.set_layer(layer);
      *signals.mutable_hidden_state() = Floats({1, 2, 3});
      *signals.mutable_key() = schema::MakeValues(schema::BFLOAT16, std::string("\x80\x3f\0\0", 4));
    }
    position.mutable_top_log_probs()->add_token_ids(7);
    *position.mutable_top_log_probs()->mutable_log_probs() = Floats({-1});
  }
  return repetition;
}

TEST(RepetitionComparisonTest, IdenticalOnesDoNotDiffer) {
  EXPECT_FALSE(FirstDifference({Sample(0), Sample(1), Sample(2)}).has_value());
  EXPECT_FALSE(FirstDifference({Sample(0)}).has_value());
}

TEST(RepetitionComparisonTest, TimesAreNoDifference) {
  schema::Repetition later = Sample(1);
  later.steps[0].set_seconds(1);
  later.footer.set_runtime_seconds(2);
  EXPECT_FALSE(CompareRepetitions(Sample(0), later).has_value());
}

TEST(RepetitionComparisonTest, NamesPlaceBitsUlpsAndSpread) {
  schema::Repetition other = Sample(2);
  auto* hidden = other.positions[1].mutable_layers(1)->mutable_hidden_state();
  *hidden = Floats({1, 2, 3.0000002f});
  *other.positions[2].mutable_layers(1)->mutable_hidden_state() = Floats({0, 0, 3});
  const auto difference = FirstDifference({Sample(0), Sample(1), other});
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->repetition_a(), 0);
  EXPECT_EQ(difference->repetition_b(), 2);
  EXPECT_EQ(difference->step(), 0);
  EXPECT_EQ(difference->position(), 11);
  EXPECT_EQ(difference->layer(), 4);
  EXPECT_EQ(difference->signal(), "hidden_states");
  EXPECT_EQ(difference->element(), 2);
  EXPECT_EQ(difference->hex_a(), "40400000");
  EXPECT_EQ(difference->hex_b(), "40400001");
  EXPECT_EQ(difference->ulps(), "1");
  EXPECT_EQ(difference->differing_elements(), 3);
  // 3 positions x (2 layers x (3 + 2) elements + 1 id + 1 log-prob), 2 steps x 2 ids.
  EXPECT_EQ(difference->compared_elements(), 3 * 12 + 4);
  EXPECT_THAT(difference->spread(), ElementsAre("hidden_states/layer_4: 3 of 9 elements"));
  EXPECT_THAT(DescribeDifference(*difference),
              HasSubstr("step 0, position 11, hidden_states/layer_4, element 2"));
  EXPECT_THAT(DescribeDifference(*difference), HasSubstr("0x40400001), 1 ULP apart"));
}

TEST(RepetitionComparisonTest, SecondAndThirdAreComparedToo) {
  schema::Repetition other = Sample(2);
  other.steps[1].set_token_id(6);
  const auto difference = FirstDifference({Sample(0), Sample(1), other});
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->signal(), "token_id");
  EXPECT_EQ(difference->step(), 1);
}

struct UlpCase {
  float a;
  float b;
  const char* ulps;
};

TEST(RepetitionComparisonTest, Ulps) {
  const float inf = std::numeric_limits<float>::infinity();
  const float max = std::numeric_limits<float>::max();
  const float tiny = std::numeric_limits<float>::denorm_min();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const UlpCase& c :
       {UlpCase{0.0f, -0.0f, "1"}, UlpCase{tiny, -tiny, "3"}, UlpCase{inf, max, "1"},
        UlpCase{1, nan, "NaN"}, UlpCase{1, 2, "8388608"}, UlpCase{inf, -inf, "4278190081"}}) {
    schema::Repetition a = Sample(0), b = Sample(1);
    *a.positions[0].mutable_top_log_probs()->mutable_log_probs() = Floats({c.a});
    *b.positions[0].mutable_top_log_probs()->mutable_log_probs() = Floats({c.b});
    const auto difference = CompareRepetitions(a, b);
    ASSERT_TRUE(difference.has_value()) << c.a << " " << c.b;
    EXPECT_EQ(difference->ulps(), c.ulps) << c.a << " " << c.b;
    EXPECT_EQ(difference->layer(), -1);
  }
}

TEST(RepetitionComparisonTest, NarrowTypesHaveNarrowHex) {
  schema::Repetition other = Sample(1);
  other.positions[0].mutable_layers(0)->mutable_key()->set_data(std::string("\x81\x3f\0\0", 4));
  const auto difference = CompareRepetitions(Sample(0), other);
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->signal(), "key_vectors");
  EXPECT_EQ(difference->hex_b(), "3f81");
  EXPECT_EQ(difference->ulps(), "1");
  EXPECT_EQ(difference->value_b(), "1.0078125");
}

TEST(RepetitionComparisonTest, OtherStructureIsADifference) {
  schema::Repetition fewer_steps = Sample(1), fewer_layers = Sample(1), other_dtype = Sample(1);
  fewer_steps.steps.pop_back();
  fewer_layers.positions[0].mutable_layers()->RemoveLast();
  other_dtype.positions[0].mutable_layers(0)->mutable_key()->set_dtype(schema::FLOAT16);
  for (const auto& other : {fewer_steps, fewer_layers, other_dtype}) {
    const auto difference = CompareRepetitions(Sample(0), other);
    ASSERT_TRUE(difference.has_value());
    EXPECT_EQ(difference->signal(), "structure");
  }
}

}  // namespace
}  // namespace forensics::runner
