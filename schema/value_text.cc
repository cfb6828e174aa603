#include "schema/value_text.h"

#include "absl/strings/str_cat.h"
#include "schema/float_text.h"

namespace forensics::schema {

std::string ValueText(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kBoolValue:
      return value.bool_value() ? "true" : "false";
    case google::protobuf::Value::kStringValue:
      return absl::StrCat("\"", value.string_value(), "\"");
    case google::protobuf::Value::kNumberValue: {
      std::string text;
      AppendDouble(value.number_value(), text);
      return text;
    }
    default:
      return "null";
  }
}

}  // namespace forensics::schema
