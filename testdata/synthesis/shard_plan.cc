#include "testdata/synthesis/shard_plan.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "absl/strings/str_format.h"
#include "runner/checkpoint/json_text.h"

namespace forensics::synthesis {
namespace {

constexpr size_t kHeaderAlignment = 8;

int64_t TotalBytes(const std::vector<PlannedTensor>& tensors) {
  int64_t total = 0;
  for (const PlannedTensor& tensor : tensors) total += tensor.bytes;
  return total;
}

// Whether the library puts `a` before `b`.
bool FileOrder(const PlacedTensor& a, const PlacedTensor& b) {
  const auto key = [](const PlannedTensor& tensor) { return std::tie(tensor.dtype, tensor.name); };
  if (a.tensor.item_bytes != b.tensor.item_bytes) {
    return a.tensor.item_bytes > b.tensor.item_bytes;
  }
  return key(a.tensor) < key(b.tensor);
}

// The header's JSON behind its length; offsets count from the data's begin.
std::string Header(const std::vector<PlacedTensor>& tensors) {
  runner::JsonText json;
  json.Object("__metadata__", [&json] { json.String("format", "pt"); });
  int64_t begin = 0;
  for (const auto& [tensor, offset] : tensors) {
    json.Object(tensor.name, [&, &tensor = tensor] {
      json.String("dtype", tensor.dtype);
      json.Ints("shape", tensor.shape);
      json.Ints("data_offsets", {begin, begin + tensor.bytes});
    });
    begin += tensor.bytes;
  }
  std::string text = json.Finish();
  text.append((kHeaderAlignment - text.size() % kHeaderAlignment) % kHeaderAlignment, ' ');
  std::string length;
  for (int shift = 0; shift < 64; shift += 8) {
    length.push_back(static_cast<char>(static_cast<uint64_t>(text.size()) >> shift));
  }
  return length + text;
}

void PlaceTensors(Shard& shard) {
  std::sort(shard.tensors.begin(), shard.tensors.end(), FileOrder);
  shard.header = Header(shard.tensors);
  shard.file_bytes = static_cast<int64_t>(shard.header.size());
  for (PlacedTensor& placed : shard.tensors) {
    placed.offset = shard.file_bytes;
    shard.file_bytes += placed.tensor.bytes;
  }
}

// As the Hugging Face library names them.
void NameFiles(std::vector<Shard>& shards) {
  for (size_t i = 0; i < shards.size(); ++i) {
    shards[i].file_name = shards.size() == 1 ? "model.safetensors"
                                             : absl::StrFormat("model-%05d-of-%05d.safetensors",
                                                               i + 1, shards.size());
  }
}

}  // namespace

std::vector<Shard> PlanShards(std::vector<PlannedTensor> tensors, int64_t max_bytes) {
  const int64_t total = TotalBytes(tensors);
  const int64_t count = std::max<int64_t>(1, (total + max_bytes - 1) / max_bytes);
  const int64_t share = (total + count - 1) / count;
  std::vector<Shard> shards(1);
  int64_t before = 0;  // bytes of all tensors so far
  int64_t held = 0;    // bytes in the last shard
  for (PlannedTensor& tensor : tensors) {
    const bool has_its_share = before >= share * static_cast<int64_t>(shards.size());
    if (held > 0 && (has_its_share || held + tensor.bytes > max_bytes)) {
      shards.emplace_back();
      held = 0;
    }
    before += tensor.bytes;
    held += tensor.bytes;
    shards.back().tensors.push_back({std::move(tensor), 0});
  }
  for (Shard& shard : shards) PlaceTensors(shard);
  NameFiles(shards);
  return shards;
}

std::string IndexJson(const std::vector<Shard>& shards) {
  std::map<std::string, std::string> files;  // by tensor
  int64_t total = 0;
  for (const Shard& shard : shards) {
    for (const PlacedTensor& placed : shard.tensors) {
      files[placed.tensor.name] = shard.file_name;
      total += placed.tensor.bytes;
    }
  }
  runner::JsonText json;
  json.Object("metadata", [&] { json.Int("total_size", total); });
  json.Object("weight_map", [&] {
    for (const auto& [tensor, file] : files) json.String(tensor, file);
  });
  return json.Finish();
}

}  // namespace forensics::synthesis
