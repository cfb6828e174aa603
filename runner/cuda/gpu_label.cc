#include "runner/cuda/gpu_label.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace forensics::runner {
namespace {

using Words = std::vector<absl::string_view>;

// Models whose name alone says what is computed by what.
constexpr absl::string_view kModels[] = {"A100", "A800",  "H100", "H200", "H800",
                                         "H20",  "GH200", "B100", "B200"};
// Models sold with 40 and with 80 GB under one name.
constexpr absl::string_view kOfTwoSizes[] = {"A100", "A800"};

bool IsOneOf(absl::string_view word, const absl::string_view* begin, const absl::string_view* end) {
  return std::find(begin, end, word) != end;
}

bool IsBrand(absl::string_view word) {
  return word == "NVIDIA" || word == "Tesla" || word == "GeForce" || word == "Quadro";
}

// "80GB".
bool IsSize(absl::string_view word) {
  return word.size() > 2 && absl::EndsWith(word, "GB") &&
         std::all_of(word.begin(), word.end() - 2, absl::ascii_isdigit);
}

std::string SizeIn(const Words& words) {
  const auto found = std::find_if(words.begin(), words.end(), IsSize);
  return found == words.end() ? "" : absl::StrCat("-", *found);
}

}  // namespace

std::string GpuLabel(absl::string_view name) {
  Words words = absl::StrSplit(name, absl::ByAnyChar(" -"), absl::SkipEmpty());
  words.erase(std::remove_if(words.begin(), words.end(), IsBrand), words.end());
  if (words.empty()) return "GPU";
  const auto part = std::find(words.begin(), words.end(), "MIG");
  const std::string suffix =
      part == words.end() ? "" : absl::StrCat(" ", absl::StrJoin(part, words.end(), " "));
  words.erase(part, words.end());
  if (words.empty() || !IsOneOf(words[0], std::begin(kModels), std::end(kModels))) {
    return absl::StrCat(absl::StrJoin(words, " "), suffix);
  }
  const bool sized = IsOneOf(words[0], std::begin(kOfTwoSizes), std::end(kOfTwoSizes));
  return absl::StrCat(words[0], sized ? SizeIn(words) : "", suffix);
}

}  // namespace forensics::runner
