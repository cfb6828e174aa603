#include "tools/fuzzing/change_json.h"

#include <cstddef>
#include <iterator>
#include <random>
#include <vector>

#include "rapidjson/document.h"
#include "rapidjson/stringbuffer.h"
#include "rapidjson/writer.h"
#include "tools/fuzzing/fuzz_input.h"

namespace forensics::fuzzing {
namespace {

constexpr double kOddNumbers[] = {0,    -0.0,  1,       -1,   2,      1e-45, 1e38, -3.4e38,
                                  4e38, 1e300, -1e-300, 1e78, 1e-160, 1e154, 12,   2147483648.0};

// Changes one part of a JSON document, each with the same probability.
class Change {
 public:
  Change(rapidjson::Document& document, uint32_t seed) : document_(document), random_(seed) {
    std::vector<rapidjson::Value*> parts = {&document};
    for (size_t i = 0; i < parts.size(); ++i) {
      if (parts[i]->IsArray()) {
        for (rapidjson::Value& element : parts[i]->GetArray()) parts.push_back(&element);
      } else if (parts[i]->IsObject()) {
        for (auto& member : parts[i]->GetObject()) parts.push_back(&member.value);
      }
    }
    Apply(*parts[Below(parts.size())]);
  }

 private:
  size_t Below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }

  void Apply(rapidjson::Value& part) {
    if (part.IsArray() && !part.Empty()) {
      const auto element = part.Begin() + static_cast<std::ptrdiff_t>(Below(part.Size()));
      if (Below(2) == 0) {
        part.Erase(element);
      } else {
        part.PushBack(rapidjson::Value(*element, document_.GetAllocator()),
                      document_.GetAllocator());
      }
    } else if (part.IsObject() && !part.ObjectEmpty()) {
      part.EraseMember(part.MemberBegin() + static_cast<std::ptrdiff_t>(Below(part.MemberCount())));
    } else if (part.IsInt() && Below(2) == 0) {
      part.SetInt(static_cast<int>(Below(4)));
    } else if (Below(8) == 0) {
      part.SetNull();
    } else {
      part.SetDouble(kOddNumbers[Below(std::size(kOddNumbers))]);
    }
  }

  rapidjson::Document& document_;
  std::mt19937 random_;
};

}  // namespace

std::optional<std::string> ChangeJson(absl::string_view text, uint32_t seed) {
  rapidjson::Document document;
  document.Parse(text.data(), text.size());
  if (document.HasParseError()) return std::nullopt;
  const Change change(document, seed);
  rapidjson::StringBuffer changed;
  rapidjson::Writer<rapidjson::StringBuffer> writer(changed);
  document.Accept(writer);
  return std::string(changed.GetString(), changed.GetSize());
}

void ExpectJson(absl::string_view text) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  Expect(!document.HasParseError(), "a report is JSON", text);
}

}  // namespace forensics::fuzzing
