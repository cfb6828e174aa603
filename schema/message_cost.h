// What a serialized message takes in memory, told before it is parsed.
#ifndef SCHEMA_MESSAGE_COST_H_
#define SCHEMA_MESSAGE_COST_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>

#include "absl/strings/string_view.h"

namespace forensics::schema {

// At least about the bytes that a message of `type` takes once `wire` is parsed: an empty message
// of two bytes takes a hundred. Of bytes that are no such message, what comes before the fault.
size_t ParsedBytes(const google::protobuf::Descriptor& type, absl::string_view wire);

}  // namespace forensics::schema

#endif  // SCHEMA_MESSAGE_COST_H_
