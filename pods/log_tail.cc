#include "pods/log_tail.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace forensics::pods {
namespace {

constexpr int64_t kFirstBlock = 1 << 16, kLargestBlock = 1 << 26;
constexpr int64_t kGrowth = 4;

std::string ReadPart(std::ifstream& file, int64_t begin, int64_t end) {
  std::string text(static_cast<size_t>(end - begin), '\0');
  file.clear();
  file.seekg(begin);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::max<std::streamsize>(0, file.gcount())));
  return text;
}

// Without what moves a terminal's cursor, or clears it.
std::string Harmless(absl::string_view line) {
  std::string text(line);
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); }, ' ');
  return text;
}

// What a terminal shows of each line: what was written after the last carriage return.
std::vector<std::string> ShownLines(absl::string_view text, LineTest is_left_out) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> drawn = absl::StrSplit(line, '\r', absl::SkipWhitespace());
    if (drawn.empty() || (is_left_out != nullptr && is_left_out(drawn.back()))) continue;
    lines.push_back(Harmless(drawn.back()));
  }
  return lines;
}

}  // namespace

bool IsProgress(absl::string_view line) {
  const size_t clock_end = line.find(" elapsed");
  if (clock_end == absl::string_view::npos) return false;
  const absl::string_view before = line.substr(0, clock_end);
  const size_t gap = before.find_last_not_of("0123456789:");
  if (gap == absl::string_view::npos) return false;
  return absl::EndsWith(before.substr(0, gap + 1), "  ") &&
         absl::StrContains(before.substr(gap + 1), ':');
}

std::vector<std::string> LastLines(const std::string& path, size_t count, int64_t begin,
                                   LineTest is_left_out) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return {};
  const int64_t end = file.tellg();
  for (int64_t block = kFirstBlock;; block *= kGrowth) {
    const int64_t from = std::max(begin, end - block);
    if (from >= end) return {};
    std::string text = ReadPart(file, from, end);
    // What the block cuts in two is whole in a larger one.
    if (from > begin) text.erase(0, text.find_first_of("\n\r"));
    std::vector<std::string> lines = ShownLines(text, is_left_out);
    if (lines.size() < count && from > begin && block < kLargestBlock) continue;
    if (lines.size() > count) {
      lines.erase(lines.begin(), lines.end() - static_cast<ptrdiff_t>(count));
    }
    return lines;
  }
}

std::string WhereAllOfItIs(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) ? "; all of it: " + path : "";
}

}  // namespace forensics::pods
