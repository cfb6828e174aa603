#include "analyzer/reading/skip_handler.h"

#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "schema/json_number.h"

namespace forensics::analyzer {
namespace {

constexpr size_t kDeepest = 100;

}  // namespace

std::string OverBudget() {
  return absl::StrCat("more structure and text than ", StructureBudget::kMost, " bytes hold");
}

std::string TooManyKeys() { return absl::StrCat("more than ", kMostKeys, " keys"); }

std::string KeyTwice(absl::string_view key) {
  return absl::StrCat("the key '", ShownText(key), "' comes twice");
}

std::string ShownText(absl::string_view text) {
  constexpr size_t kMost = 200;
  return absl::StrCat(absl::CHexEscape(text.substr(0, kMost)), text.size() > kMost ? "..." : "");
}

bool SkipHandler::RawNumber(const char* text, rapidjson::SizeType size, bool) {
  const char* const fault = schema::JsonNumberFault({text, size});
  return Value() && (fault == nullptr || Fail(fault));
}

bool SkipHandler::Key(const char* text, rapidjson::SizeType size, bool) {
  stream_.Renew();
  Level& level = levels_.back();
  if (level.keys.size() >= kMostKeys) return Fail(TooManyKeys());
  level.charged += kKeyCharge + size;
  over_budget_ = !share_.Take(kKeyCharge + size);
  if (over_budget_) return Fail(OverBudget());
  std::string key(text, size);
  if (!level.keys.insert(key).second) {
    level.key.clear();
    return Fail(KeyTwice(key));
  }
  level.key = std::move(key);
  return true;
}

std::vector<std::string> SkipHandler::Path() const {
  std::vector<std::string> path;
  for (const Level& level : levels_) {
    if (level.is_array ? level.index < 0 : level.key.empty()) break;
    path.push_back(level.is_array ? absl::StrCat(level.index) : level.key);
  }
  return path;
}

bool SkipHandler::Value() {
  stream_.Renew();
  if (!levels_.empty()) ++levels_.back().index;
  return true;
}

bool SkipHandler::Open(bool is_array) {
  Value();
  if (levels_.size() >= kDeepest) return Fail(absl::StrCat("nested more than ", kDeepest, " deep"));
  levels_.emplace_back().is_array = is_array;
  return true;
}

bool SkipHandler::Close() {
  stream_.Renew();
  share_.GiveBack(levels_.back().charged);
  levels_.pop_back();
  return true;
}

bool SkipHandler::Fail(std::string fault) {
  fault_ = std::move(fault);
  return false;
}

}  // namespace forensics::analyzer
