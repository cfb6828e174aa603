#include "runner/engine/emulation_memory.h"

#include <algorithm>
#include <fstream>
#include <limits>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "runner/engine/gibibytes.h"

namespace forensics::runner {
namespace {

constexpr int64_t kBrain = 2;                     // bytes of a bfloat16
constexpr int64_t kLibraries = int64_t{1} << 28;  // libtorch's and this program's own

// The number behind `key` in a file of lines such as "MemAvailable:   22880024 kB"; without a key
// the file's first word. None where there is no such file, key or number.
std::optional<int64_t> ReadNumber(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string word;
  while (!key.empty() && word != key && file >> word) {
  }
  int64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;
}

struct ControlGroups {
  const char* controller;  // as in /proc/self/cgroup; "" for the second version
  const char* folder;      // of the outermost one
  const char* limit;
  const char* used;  // of memory.stat: what is no copy of a file
};

constexpr ControlGroups kControlGroups[] = {
    {"", "/sys/fs/cgroup", "memory.max", "anon"},
    {"memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "total_rss"},
};

// This process's group, such as "/system.slice/run-1.scope", from a line "0::/system.slice/..." of
// /proc/self/cgroup; the outermost, "", where there is no such line.
std::string OwnGroup(const std::string& root, const ControlGroups& groups) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const std::vector<std::string> fields = absl::StrSplit(line, absl::MaxSplits(':', 2));
    if (fields.size() < 3) continue;
    for (const absl::string_view name : absl::StrSplit(fields[1], ',')) {
      if (name == groups.controller) return fields[2] == "/" ? "" : fields[2];
    }
  }
  return "";
}

// What the limits of a group and of those around it leave.
int64_t LeftOfLimits(const std::string& root, const ControlGroups& groups) {
  int64_t left = std::numeric_limits<int64_t>::max();
  for (std::string group = OwnGroup(root, groups);; group.resize(group.rfind('/'))) {
    const std::string folder = absl::StrCat(root, groups.folder, group, "/");
    const auto limit = ReadNumber(folder + groups.limit, "");
    if (limit.has_value()) {  // not "max"
      const int64_t used = ReadNumber(folder + "memory.stat", groups.used).value_or(0);
      left = std::min(left, std::max<int64_t>(0, *limit - used));
    }
    if (group.find('/') == std::string::npos) return left;
  }
}

}  // namespace

EmulationMemoryNeed EstimateEmulationMemory(const ModelConfig& config, const EmulationWork& work) {
  const int64_t hidden = config.hidden_size, dim = config.head_dim;
  const int64_t queries = config.num_attention_heads * dim;
  const int64_t keys = config.num_key_value_heads * dim;
  const int64_t slots = config.num_experts_per_tok;
  EmulationMemoryNeed need;
  const int64_t tables = config.tie_word_embeddings ? 1 : 2;
  const int64_t of_layer = config.num_experts * hidden + 2 * hidden + 2 * dim;
  need.kept =
      kBrain * (tables * config.vocab_size * hidden + config.num_hidden_layers * of_layer + hidden);
  need.cache = kBrain * 2 * config.num_hidden_layers * keys * work.batch * work.capacity;
  // In numbers of two bytes: the residual stream, its norm and the embeddings stay. Attention has
  // heads, queries, outputs twice and once in float32, and keys and values in the kernels' form;
  // the experts' outputs stand side by side.
  const int64_t attention = (queries + 2 * keys) + 5 * queries + 3 * keys;
  const int64_t experts = slots * hidden + hidden;
  const int64_t token = 3 * hidden + std::max(attention, experts);
  const int64_t largest = 2 * (queries + 2 * keys) * hidden;  // qkv and its parts
  need.workspace = kBrain * (work.batch * work.prompt_tokens * token + largest) + kLibraries;
  return need;
}

absl::StatusOr<int64_t> AvailableMemory(const std::string& root) {
  const auto kilobytes = ReadNumber(root + "/proc/meminfo", "MemAvailable:");
  if (!kilobytes.has_value()) {
    return absl::UnavailableError(
        absl::StrCat(root, "/proc/meminfo: expected a line MemAvailable, found none"));
  }
  int64_t available = *kilobytes * 1024;
  for (const ControlGroups& groups : kControlGroups) {
    available = std::min(available, LeftOfLimits(root, groups));
  }
  return available;
}

absl::Status CheckEmulationFits(const std::string& what, const EmulationMemoryNeed& need,
                                int64_t available) {
  if (need.Total() <= available) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat(what, " does not fit this machine's memory: its emulation needs at least ",
                   Gib(need.Total()), " (embedding, head, routers and norms ", Gib(need.kept),
                   ", key-value cache ", Gib(need.cache), ", work space ", Gib(need.workspace),
                   "), ", Gib(available), " are available"));
}

}  // namespace forensics::runner
