// Any bytes are refused by name, or are a shard that survives being written and read again. Random
// changes would break checksums and digests and nothing behind them would be reached, so each input
// is also read with all of these made right.
#include <google/protobuf/util/message_differencer.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"
#include "schema/inspect_shard.h"
#include "schema/shard.h"
#include "tools/fuzzing/fuzz_input.h"

namespace {

using forensics::fuzzing::Expect;
using forensics::fuzzing::InputFile;
using namespace forensics::schema;  // NOLINT: the fuzzer is about this namespace alone

constexpr size_t kFileHeaderBytes = 16;
constexpr size_t kRecordHeadBytes = 8;  // length and its checksum

template <typename Integer>
std::string LittleEndian(Integer value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string WithCrc(std::string bytes) {
  const auto crc = static_cast<uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uInt>(bytes.size())));
  return bytes + LittleEndian(crc);
}

void MakeRight(Values* values) { *values = MakeValues(values->dtype(), values->data()); }

// Puts the record into `repetition`, which gives the footer's digest, with right digests of values.
void MakeRight(ShardRecord* record, Repetition* repetition) {
  if (record->has_position()) {
    for (LayerSignals& layer : *record->mutable_position()->mutable_layers()) {
      MakeRight(layer.mutable_hidden_state());
      MakeRight(layer.mutable_key());
    }
    MakeRight(record->mutable_position()->mutable_top_log_probs()->mutable_log_probs());
    if (record->position().has_reference_log_probs()) {
      MakeRight(record->mutable_position()->mutable_reference_log_probs()->mutable_log_probs());
    }
    repetition->positions.push_back(record->position());
  }
  if (record->has_step()) repetition->steps.push_back(record->step());
  if (record->has_footer()) {
    record->mutable_footer()->set_signals_sha256(SignalsDigest(*repetition));
  }
}

// The file with right checksums and digests: as many records as there are, their number behind
// them.
std::string MadeRight(absl::string_view file) {
  std::string right = WithCrc(absl::StrCat("FPFSHARD", LittleEndian(uint32_t{1})));
  file.remove_prefix(std::min(file.size(), kFileHeaderBytes));
  uint64_t count = 0;
  Repetition repetition;
  while (file.size() > kRecordHeadBytes) {
    uint32_t length = 0;
    std::memcpy(&length, file.data(), sizeof length);
    file.remove_prefix(kRecordHeadBytes);
    if (length == 0) break;
    absl::string_view payload = file.substr(0, length);
    file.remove_prefix(std::min(file.size(), payload.size() + sizeof(uint32_t)));
    ShardRecord record;
    std::string text(payload);
    if (record.ParseFromString(text)) {
      MakeRight(&record, &repetition);
      text = record.SerializeAsString();
    }
    if (text.empty()) continue;
    absl::StrAppend(&right, WithCrc(LittleEndian(static_cast<uint32_t>(text.size()))),
                    WithCrc(text));
    ++count;
  }
  return absl::StrCat(right, WithCrc(LittleEndian(uint32_t{0})), WithCrc(LittleEndian(count)));
}

bool Same(const Repetition& a, const Repetition& b) {
  using google::protobuf::util::MessageDifferencer;
  if (a.steps.size() != b.steps.size() || a.positions.size() != b.positions.size()) return false;
  for (size_t i = 0; i < a.steps.size(); ++i) {
    if (a.steps[i].SerializeAsString() != b.steps[i].SerializeAsString()) return false;
  }
  for (size_t i = 0; i < a.positions.size(); ++i) {
    if (a.positions[i].SerializeAsString() != b.positions[i].SerializeAsString()) return false;
  }
  MessageDifferencer differencer;
  google::protobuf::util::DefaultFieldComparator nan_is_nan;
  nan_is_nan.set_treat_nan_as_equal(true);
  differencer.set_field_comparator(&nan_is_nan);
  return differencer.Compare(a.header, b.header) && differencer.Compare(a.footer, b.footer);
}

const std::string& CopyPath() {
  static const auto* const path = [] {
    const char* folder = std::getenv("TEST_TMPDIR");
    return new std::string(
        absl::StrCat(folder == nullptr ? "/tmp" : folder, "/", getpid(), ".shard"));
  }();
  return *path;
}

void CheckFile(absl::string_view bytes) {
  const InputFile file(bytes);
  const absl::StatusOr<Repetition> shard = ReadShard(file.path());
  const absl::StatusOr<std::string> inspected = InspectShard(file.path());
  Expect(shard.ok() == inspected.ok(), "inspect judges as the reader does");
  if (!shard.ok()) {
    Expect(absl::StartsWith(shard.status().message(), absl::StrCat(file.path(), ": ")),
           "an error names the file", shard.status().message());
    return;
  }
  const absl::Status written = WriteShard(CopyPath(), *shard);
  Expect(written.ok(), "a shard can be written", written.message());
  const absl::StatusOr<Repetition> again = ReadShard(CopyPath());
  Expect(again.ok(), "what was written can be read", again.status().message());
  Expect(Same(*shard, *again), "reading what was written gives the same shard");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckFile(bytes);
  CheckFile(MadeRight(bytes));
  return 0;
}
