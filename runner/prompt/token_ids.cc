#include "runner/prompt/token_ids.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"
#include "schema/atomic_file.h"

namespace forensics::runner {

absl::StatusOr<std::vector<int64_t>> ParseTokenIds(absl::string_view json, int64_t vocab_size) {
  rapidjson::Document array;
  array.Parse<rapidjson::kParseIterativeFlag>(json.data(), json.size());
  if (array.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not JSON: ", rapidjson::GetParseError_En(array.GetParseError()), " at byte ",
                     array.GetErrorOffset()));
  }
  if (!array.IsArray()) return absl::InvalidArgumentError("expected a JSON array of token ids");
  if (array.Empty()) return absl::InvalidArgumentError("the array of token ids is empty");
  std::vector<int64_t> ids;
  ids.reserve(array.Size());
  for (const auto& id : array.GetArray()) {
    if (!id.IsInt64()) {
      return absl::InvalidArgumentError(
          absl::StrCat("token id [", ids.size(), "] is not an integer"));
    }
    if (id.GetInt64() < 0 || id.GetInt64() >= vocab_size) {
      return absl::InvalidArgumentError(absl::StrCat(
          "token id [", ids.size(), "] is ", id.GetInt64(), ", expected 0 to ", vocab_size - 1));
    }
    ids.push_back(id.GetInt64());
  }
  return ids;
}

absl::StatusOr<std::vector<int64_t>> ReadTokenIds(const std::string& path, int64_t vocab_size) {
  const auto json = schema::ReadFile(path);
  if (!json.ok()) return json.status();
  auto ids = ParseTokenIds(*json, vocab_size);
  if (!ids.ok()) {
    return absl::Status(ids.status().code(), absl::StrCat(path, ": ", ids.status().message()));
  }
  return ids;
}

}  // namespace forensics::runner
