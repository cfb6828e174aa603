#include "schema/message_cost.h"

#include <string>

#include "gtest/gtest.h"
#include "schema/run.pb.h"

namespace forensics::schema {
namespace {

size_t Cost(const std::string& wire) { return ParsedBytes(*ShardRecord::descriptor(), wire); }

void ExpectEnough(const ShardRecord& record, const char* what) {
  const std::string wire = record.SerializeAsString();
  ShardRecord parsed;
  ASSERT_TRUE(parsed.ParseFromString(wire));
  EXPECT_GE(Cost(wire), parsed.SpaceUsedLong()) << what;
  // No estimate is far from what it stands for.
  EXPECT_LT(Cost(wire), 8 * parsed.SpaceUsedLong()) << what;
}

TEST(ParsedBytes, IsNoLessThanWhatParsingTakes) {
  ShardRecord record;
  record.mutable_header()->set_config_id(std::string(10'000, 'x'));
  ExpectEnough(record, "text");
  for (int i = 0; i < 1000; ++i) record.mutable_position()->add_layers();
  ExpectEnough(record, "messages");
  for (int i = 0; i < 1000; ++i) record.mutable_position()->mutable_layers(i)->mutable_key();
  ExpectEnough(record, "messages in messages");
  record.Clear();
  for (int i = 0; i < 10'000; ++i) {
    record.mutable_position()->mutable_top_log_probs()->add_token_ids(i % 100);
  }
  ExpectEnough(record, "numbers");
}

TEST(ParsedBytes, CountsFieldsThatAreNotKnown) {
  std::string wire;
  for (int i = 0; i < 1000; ++i) wire += std::string("\xf8\x07\x01", 3);  // field 127, a number
  ShardRecord parsed;
  ASSERT_TRUE(parsed.ParseFromString(wire));
  EXPECT_GE(Cost(wire), parsed.SpaceUsedLong());
  wire.clear();
  for (int i = 0; i < 1000; ++i) wire += std::string("\xfb\x07\xfc\x07", 4);  // an empty group
  ASSERT_TRUE(parsed.ParseFromString(wire));
  EXPECT_GE(Cost(wire), parsed.SpaceUsedLong());
}

TEST(ParsedBytes, EndsAtWhatIsNoMessage) {
  EXPECT_EQ(Cost(""), Cost(std::string(1, '\0')));
  for (const std::string& wire :
       {std::string("\x0a"), std::string("\x0a\x7f"), std::string("\x0a\xff\xff\xff\xff\x0f"),
        std::string("\x1a\x05\x1a\x7f"), std::string(100'000, '\x0b'),
        std::string("\x0a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80")}) {
    EXPECT_LT(Cost(wire), 192 * (2 + wire.size()));
    EXPECT_FALSE(ShardRecord().ParseFromString(wire));
  }
}

}  // namespace
}  // namespace forensics::schema
