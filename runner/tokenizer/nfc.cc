#include "runner/tokenizer/nfc.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

#include "runner/tokenizer/unicode.h"
#include "utf8proc.h"

namespace forensics::runner {
namespace {

struct Range {
  int32_t first;
  int32_t last;
};

// What Unicode 10 to 15 added with a combining class other than 0, or as the second half of a
// composition (U+11930).
constexpr Range kNewerMarks[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},     {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11930}, {0x1193D, 0x1193E}, {0x11943, 0x11943}, {0x119E0, 0x119E0},
    {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42},
    {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF}};

bool IsNewerMark(int32_t c) {
  const auto range =
      std::lower_bound(std::begin(kNewerMarks), std::end(kNewerMarks), c,
                       [](const Range& range, int32_t point) { return range.last < point; });
  return range != std::end(kNewerMarks) && range->first <= c;
}

int CombiningClass(int32_t c) { return utf8proc_get_property(c)->combining_class; }

// utf8proc_decompose() orders marks by exchanging neighbours, which takes quadratic time on a long
// run of them; hence the sort here.
void OrderMarks(std::vector<int32_t>* points) {
  const auto is_starter = [](int32_t c) { return CombiningClass(c) == 0; };
  for (auto it = points->begin(); it != points->end();) {
    it = std::find_if_not(it, points->end(), is_starter);
    const auto run_end = std::find_if(it, points->end(), is_starter);
    std::stable_sort(it, run_end,
                     [](int32_t a, int32_t b) { return CombiningClass(a) < CombiningClass(b); });
    it = run_end;
  }
}

// Composes `points`, which are decomposed, appends the result, and empties them.
void Flush(std::vector<int32_t>* points, std::string* composed) {
  OrderMarks(points);
  const auto count =
      utf8proc_normalize_utf32(points->data(), static_cast<utf8proc_ssize_t>(points->size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    utf8proc_uint8_t encoded[4];
    const auto size = utf8proc_encode_char((*points)[i], encoded);
    composed->append(reinterpret_cast<const char*>(encoded), static_cast<size_t>(size));
  }
  points->clear();
}

}  // namespace

bool MayNeedNfc(absl::string_view text) {
  // U+0300, the first code point that composes or decomposes, starts with 0xCC.
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<uint8_t>(c) >= 0xCC; });
}

std::string ToNfc(absl::string_view text) {
  if (!MayNeedNfc(text)) return std::string(text);
  std::string composed;
  composed.reserve(text.size());
  std::vector<int32_t> points;
  int32_t expansion[32];  // canonical decompositions have at most 4 code points
  int boundary = 0;
  for (size_t i = 0, size = 0; i < text.size(); i += size) {
    size = ScanUtf8(text, i).size;
    const int32_t point = CodePointAt(text, i);
    if (IsNewerMark(point)) {
      Flush(&points, &composed);
      composed.append(text.data() + i, size);
      continue;
    }
    const auto count = utf8proc_decompose_char(point, expansion, 32, UTF8PROC_DECOMPOSE, &boundary);
    points.insert(points.end(), expansion, expansion + count);
  }
  Flush(&points, &composed);
  return composed;
}

}  // namespace forensics::runner
