#include "schema/value_text.h"

#include <gtest/gtest.h>

namespace forensics::schema {
namespace {

TEST(ValueText, IsJson) {
  google::protobuf::Value value;
  EXPECT_EQ(ValueText(value), "null");
  value.set_number_value(2);
  EXPECT_EQ(ValueText(value), "2");
  value.set_number_value(0.1);
  EXPECT_EQ(ValueText(value), "0.1");
  value.set_bool_value(true);
  EXPECT_EQ(ValueText(value), "true");
  value.set_string_value("awq");
  EXPECT_EQ(ValueText(value), "\"awq\"");
}

}  // namespace
}  // namespace forensics::schema
