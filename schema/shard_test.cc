#include "schema/shard.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "schema/digest.h"
#include "schema/record_file.h"

namespace forensics::schema {
namespace {

using ::testing::HasSubstr;

std::string Bytes(const std::vector<float>& floats) {
  std::string bytes(floats.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), floats.data(), bytes.size());
  return bytes;
}

Repetition Sample() {
  Repetition repetition;
  repetition.header.set_config_id("A100_reference");
  for (int i = 0; i < 2; ++i) {
    StepRecord& step = repetition.steps.emplace_back();
    step.set_step(i);
    step.set_token_id(70 + i);
    step.set_fed_token_id(70 + i);
    PositionRecord& position = repetition.positions.emplace_back();
    position.set_position(100 + i);
    position.set_computed_at_step(i);
    LayerSignals& layer = *position.add_layers();
    layer.set_layer(1);
    *layer.mutable_hidden_state() = MakeValues(FLOAT32, Bytes({1.5f, -0.0f}));
    *layer.mutable_key() = MakeValues(BFLOAT16, std::string("\x80\x3f", 2));
    position.mutable_top_log_probs()->add_token_ids(7);
    *position.mutable_top_log_probs()->mutable_log_probs() = MakeValues(FLOAT32, Bytes({-0.25f}));
  }
  repetition.footer.set_runtime_seconds(1.25);
  repetition.footer.set_signals_sha256(SignalsDigest(repetition));
  return repetition;
}

std::string Path() {
  return absl::StrCat(testing::TempDir(), "/",
                      testing::UnitTest::GetInstance()->current_test_info()->name(), ".shard");
}

TEST(ShardTest, RoundTrip) {
  const Repetition written = Sample();
  ASSERT_TRUE(WriteShard(Path(), written).ok());
  const absl::StatusOr<Repetition> read = ReadShard(Path());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->header.SerializeAsString(), written.header.SerializeAsString());
  ASSERT_EQ(read->steps.size(), 2u);
  ASSERT_EQ(read->positions.size(), 2u);
  EXPECT_EQ(read->positions[1].SerializeAsString(), written.positions[1].SerializeAsString());
  EXPECT_EQ(read->footer.runtime_seconds(), 1.25);
}

// What the digest must see, and what it must not.
TEST(ShardTest, DigestCoversEveryBitOfTheSignalsAndNoTime) {
  const std::string digest = SignalsDigest(Sample());
  const std::vector<std::function<void(Repetition&)>> changes = {
      [](Repetition& r) { r.steps[1].set_token_id(5); },
      [](Repetition& r) { r.steps[1].set_fed_token_id(5); },
      [](Repetition& r) { r.positions[0].set_position(5); },
      [](Repetition& r) { r.positions[0].mutable_layers(0)->set_layer(5); },
      [](Repetition& r) {
        *r.positions[1].mutable_layers(0)->mutable_hidden_state() =
            MakeValues(FLOAT32, Bytes({1.5f, 0.0f}));
      },
      [](Repetition& r) {
        *r.positions[1].mutable_layers(0)->mutable_key() =
            MakeValues(FLOAT16, std::string("\x80\x3f", 2));
      },
      [](Repetition& r) { r.positions[1].mutable_top_log_probs()->set_token_ids(0, 8); },
      [](Repetition& r) {
        *r.positions[1].mutable_reference_log_probs() = r.positions[1].top_log_probs();
      },
  };
  for (size_t i = 0; i < changes.size(); ++i) {
    Repetition changed = Sample();
    changes[i](changed);
    EXPECT_NE(SignalsDigest(changed), digest) << "change " << i;
  }
  Repetition same = Sample();
  same.steps[0].set_seconds(3);
  same.header.set_repetition(2);
  same.footer.set_runtime_seconds(9);
  EXPECT_EQ(SignalsDigest(same), digest);
}

TEST(ShardTest, InconsistentShardsAreRefused) {
  struct Case {
    std::function<void(Repetition&)> damage;
    std::string message;
  };
  const std::vector<Case> cases = {
      {[](Repetition& r) {
         r.positions[1].mutable_layers(0)->mutable_key()->set_data(std::string("\x81\x3f", 2));
       },
       "position 101, layer 1, key: SHA-256"},
      {[](Repetition& r) { r.positions[1].set_position(7); }, "position 7, expected 101"},
      {[](Repetition& r) { r.steps[1].set_step(7); }, "step 7, expected 1"},
      {[](Repetition& r) { r.footer.set_signals_sha256("x"); }, "expected x"},
      {[](Repetition& r) { r.positions[0].mutable_top_log_probs()->add_token_ids(9); },
       "2 token ids, but 1"},
      {[](Repetition& r) {
         r.positions[0].mutable_top_log_probs()->add_slots(0);
         r.positions[0].mutable_top_log_probs()->add_slots(1);
       },
       "position 100, log-probs: 1 token ids, but 2 slots"},
      {[](Repetition& r) {
         *r.positions[0].mutable_layers(0)->mutable_hidden_state() = MakeValues(FLOAT32, "abcde");
       },
       "5 bytes of dtype FLOAT32"},
  };
  for (const Case& c : cases) {
    Repetition damaged = Sample();
    c.damage(damaged);
    ASSERT_TRUE(WriteShard(Path(), damaged).ok());
    const absl::Status status = ReadShard(Path()).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.message));
    EXPECT_THAT(std::string(status.message()), HasSubstr(Path()));
  }
}

TEST(ShardTest, RecordsOutOfOrderAreRefused) {
  ShardRecord header, footer, unknown;
  header.mutable_header();
  footer.mutable_footer();
  const std::vector<std::vector<ShardRecord>> orders = {
      {footer}, {header, header}, {header, footer, footer}, {header}, {header, unknown}};
  for (const std::vector<ShardRecord>& order : orders) {
    absl::StatusOr<RecordWriter> writer = RecordWriter::Create(Path());
    for (const ShardRecord& record : order) {
      // A record without a kind serialises to nothing, which the framing refuses: one unknown
      // field.
      const std::string bytes = record.SerializeAsString();
      ASSERT_TRUE(writer->Write(bytes.empty() ? "\x7a\x01x" : bytes).ok());
    }
    ASSERT_TRUE(writer->Close().ok());
    EXPECT_EQ(ReadShard(Path()).status().code(), absl::StatusCode::kDataLoss);
  }
}

TEST(ShardTest, WidensEveryHalfExactly) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const std::string data = {static_cast<char>(bits & 255), static_cast<char>(bits >> 8)};
    const float brain = ToFloats(MakeValues(BFLOAT16, data)).value()[0];
    uint32_t word = 0;
    std::memcpy(&word, &brain, sizeof word);
    EXPECT_EQ(word, bits << 16);

    const float half = ToFloats(MakeValues(FLOAT16, data)).value()[0];
    const int exponent = static_cast<int>(bits >> 10 & 31);
    const double fraction = bits & 1023;
    double expected =
        exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
    if (exponent == 31) {
      expected = fraction == 0 ? std::numeric_limits<double>::infinity() : std::nan("");
    }
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(half)) << bits;
    } else {
      EXPECT_EQ(half, bits >> 15 != 0 ? -expected : expected) << bits;
      EXPECT_EQ(std::signbit(half), bits >> 15 != 0) << bits;
    }
  }
}

TEST(ShardTest, WidensFloatsAsTheyAre) {
  const std::vector<float> floats = {1.0f, -0.0f, std::numeric_limits<float>::denorm_min()};
  EXPECT_EQ(ToFloats(MakeValues(FLOAT32, Bytes(floats))).value(), floats);
  EXPECT_FALSE(ToFloats(MakeValues(FLOAT32, "abc")).ok());
  EXPECT_FALSE(ToFloats(MakeValues(DTYPE_UNSPECIFIED, "abcd")).ok());
}

}  // namespace
}  // namespace forensics::schema
