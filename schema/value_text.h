// A variable's value as text.
#ifndef SCHEMA_VALUE_TEXT_H_
#define SCHEMA_VALUE_TEXT_H_

#include <google/protobuf/struct.pb.h>

#include <string>

namespace forensics::schema {

// The value as JSON text: `1`, `true`, `"awq"`; of anything but a scalar `null`.
std::string ValueText(const google::protobuf::Value& value);

}  // namespace forensics::schema

#endif  // SCHEMA_VALUE_TEXT_H_
