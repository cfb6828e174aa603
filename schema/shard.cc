#include "schema/shard.h"

#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "schema/digest.h"
#include "schema/message_cost.h"
#include "schema/record_file.h"

namespace forensics::schema {
namespace {

// What all records of a shard may take in memory: a real one has a few MB.
constexpr size_t kMostBytes = size_t{256} << 20;

// Counts records, before they are parsed or as they are written.
class Measure {
 public:
  absl::Status Add(absl::string_view payload) {
    bytes_ += ParsedBytes(*ShardRecord::descriptor(), payload);
    if (bytes_ <= kMostBytes) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("more than ", kMostBytes, " bytes in memory, the most that a shard may take"));
  }

 private:
  size_t bytes_ = 0;
};

absl::Status Append(RecordWriter& writer, Measure& measure, const ShardRecord& record) {
  const std::string payload = record.SerializeAsString();
  absl::Status status = measure.Add(payload);
  return status.ok() ? writer.Write(payload) : status;
}

// A number that no DType has is told as that.
std::string Name(DType dtype) {
  return DType_IsValid(dtype) ? DType_Name(dtype) : absl::StrCat(static_cast<int>(dtype));
}

absl::Status CheckValues(const Values& values, const std::string& what) {
  if (BytesPerElement(values.dtype()) == 0 ||
      values.data().size() % BytesPerElement(values.dtype()) != 0) {
    return absl::DataLossError(
        absl::StrCat(what, ": ", values.data().size(), " bytes of dtype ", Name(values.dtype())));
  }
  if (Sha256Bytes(values.data()) != values.sha256()) {
    return absl::DataLossError(absl::StrCat(what, ": SHA-256 ", Sha256Hex(values.data()),
                                            ", expected ",
                                            absl::BytesToHexString(values.sha256())));
  }
  return absl::OkStatus();
}

absl::Status CheckLogProbs(const LogProbs& log_probs, const std::string& what) {
  if (absl::Status status = CheckValues(log_probs.log_probs(), what); !status.ok()) return status;
  const size_t count = log_probs.log_probs().data().size() / sizeof(float);
  if (log_probs.log_probs().dtype() != FLOAT32 ||
      count != static_cast<size_t>(log_probs.token_ids_size())) {
    return absl::DataLossError(absl::StrCat(what, ": ", log_probs.token_ids_size(),
                                            " token ids, but ", count, " float32 log-probs"));
  }
  if (!log_probs.slots().empty() && log_probs.slots_size() != log_probs.token_ids_size()) {
    return absl::DataLossError(absl::StrCat(what, ": ", log_probs.token_ids_size(),
                                            " token ids, but ", log_probs.slots_size(), " slots"));
  }
  return absl::OkStatus();
}

absl::Status CheckPosition(const PositionRecord& record) {
  const std::string where = absl::StrCat("position ", record.position());
  for (const LayerSignals& layer : record.layers()) {
    const std::string at_layer = absl::StrCat(where, ", layer ", layer.layer());
    absl::Status status = CheckValues(layer.hidden_state(), at_layer + ", hidden state");
    if (status.ok()) status = CheckValues(layer.key(), at_layer + ", key");
    if (!status.ok()) return status;
  }
  absl::Status status = CheckLogProbs(record.top_log_probs(), where + ", log-probs");
  if (status.ok() && record.has_reference_log_probs()) {
    status = CheckLogProbs(record.reference_log_probs(), where + ", reference log-probs");
  }
  return status;
}

// Puts the next record of a shard in its place; the order is header, steps and positions, footer.
class ShardAssembler {
 public:
  absl::Status Add(absl::string_view payload) {
    if (absl::Status status = measure_.Add(payload); !status.ok()) return status;
    ShardRecord record;
    if (!record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return absl::DataLossError("a record cannot be parsed");
    }
    if (has_header_ != (record.kind_case() != ShardRecord::kHeader) || has_footer_) {
      return absl::DataLossError("records are out of order");
    }
    switch (record.kind_case()) {
      case ShardRecord::kHeader:
        has_header_ = true;
        repetition_.header = std::move(*record.mutable_header());
        return absl::OkStatus();
      case ShardRecord::kStep:
        return AddStep(std::move(*record.mutable_step()));
      case ShardRecord::kPosition:
        return AddPosition(std::move(*record.mutable_position()));
      case ShardRecord::kFooter:
        has_footer_ = true;
        repetition_.footer = std::move(*record.mutable_footer());
        return absl::OkStatus();
      case ShardRecord::KIND_NOT_SET:
        break;
    }
    return absl::DataLossError("a record of an unknown kind");
  }

  absl::StatusOr<Repetition> Finish() && {
    if (!has_footer_) return absl::DataLossError("has no footer");
    const std::string digest = SignalsDigest(repetition_);
    if (digest != repetition_.footer.signals_sha256()) {
      return absl::DataLossError(absl::StrCat("SHA-256 of all signals is ", digest, ", expected ",
                                              repetition_.footer.signals_sha256()));
    }
    return std::move(repetition_);
  }

 private:
  absl::Status AddStep(StepRecord&& step) {
    if (step.step() != static_cast<int>(repetition_.steps.size())) {
      return absl::DataLossError(
          absl::StrCat("step ", step.step(), ", expected ", repetition_.steps.size()));
    }
    repetition_.steps.push_back(std::move(step));
    return absl::OkStatus();
  }

  absl::Status AddPosition(PositionRecord&& record) {
    if (!repetition_.positions.empty() &&
        record.position() != repetition_.positions.back().position() + 1) {
      return absl::DataLossError(absl::StrCat("position ", record.position(), ", expected ",
                                              repetition_.positions.back().position() + 1));
    }
    if (absl::Status status = CheckPosition(record); !status.ok()) return status;
    repetition_.positions.push_back(std::move(record));
    return absl::OkStatus();
  }

  Measure measure_;
  Repetition repetition_;
  bool has_header_ = false;
  bool has_footer_ = false;
};

float Float16ToFloat(uint16_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x8000u) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1fu;
  const uint32_t mantissa = bits & 0x3ffu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  const uint32_t widened = exponent == 31 ? 0xffu : exponent + 112;
  const uint32_t word = sign | (widened << 23) | (mantissa << 13);
  float value = 0;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

float BFloat16ToFloat(uint16_t bits) {
  const uint32_t word = static_cast<uint32_t>(bits) << 16;
  float value = 0;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

}  // namespace

absl::Status WriteShard(const std::string& path, const Repetition& repetition) {
  absl::StatusOr<RecordWriter> writer = RecordWriter::Create(path);
  if (!writer.ok()) return writer.status();
  Measure measure;
  ShardRecord record;
  *record.mutable_header() = repetition.header;
  absl::Status status = Append(*writer, measure, record);
  for (size_t i = 0; status.ok() && i < repetition.steps.size(); ++i) {
    *record.mutable_step() = repetition.steps[i];
    status = Append(*writer, measure, record);
  }
  for (size_t i = 0; status.ok() && i < repetition.positions.size(); ++i) {
    *record.mutable_position() = repetition.positions[i];
    status = Append(*writer, measure, record);
  }
  *record.mutable_footer() = repetition.footer;
  if (status.ok()) status = Append(*writer, measure, record);
  if (absl::IsDataLoss(status)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
  }
  return status.ok() ? writer->Close() : status;
}

absl::StatusOr<Repetition> ReadShard(const std::string& path) {
  const auto at_path = [&path](const absl::Status& status) {
    return absl::DataLossError(absl::StrCat(path, ": ", status.message()));
  };
  ShardAssembler assembler;
  absl::Status status = ReadRecords(path, [&](absl::string_view payload) {
    absl::Status added = assembler.Add(payload);
    return added.ok() ? added : at_path(added);
  });
  if (!status.ok()) return status;
  absl::StatusOr<Repetition> repetition = std::move(assembler).Finish();
  if (!repetition.ok()) return at_path(repetition.status());
  return repetition;
}

std::string SignalsDigest(const Repetition& repetition) {
  Sha256 sha;
  const auto add = [&sha](const Values& values) {
    sha.Update(absl::StrCat(DType_Name(values.dtype()), " ", values.data().size(), "\n"));
    sha.Update(values.sha256());
  };
  const auto add_log_probs = [&](const LogProbs& log_probs) {
    for (const int64_t id : log_probs.token_ids()) sha.Update(absl::StrCat(id, ","));
    add(log_probs.log_probs());
  };
  for (const StepRecord& step : repetition.steps) {
    sha.Update(
        absl::StrCat("step ", step.step(), " ", step.token_id(), " ", step.fed_token_id(), "\n"));
  }
  for (const PositionRecord& position : repetition.positions) {
    sha.Update(
        absl::StrCat("position ", position.position(), " ", position.computed_at_step(), "\n"));
    for (const LayerSignals& layer : position.layers()) {
      sha.Update(absl::StrCat("layer ", layer.layer(), "\n"));
      add(layer.hidden_state());
      add(layer.key());
    }
    add_log_probs(position.top_log_probs());
    if (position.has_reference_log_probs()) {
      sha.Update("reference\n");
      add_log_probs(position.reference_log_probs());
    }
  }
  return absl::BytesToHexString(sha.Finish());
}

Values MakeValues(DType dtype, std::string data) {
  Values values;
  values.set_dtype(dtype);
  values.set_sha256(Sha256Bytes(data));
  values.set_data(std::move(data));
  return values;
}

size_t BytesPerElement(DType dtype) {
  switch (dtype) {
    case FLOAT32:
      return 4;
    case BFLOAT16:
    case FLOAT16:
      return 2;
    default:
      return 0;
  }
}

absl::StatusOr<std::vector<float>> ToFloats(const Values& values) {
  const size_t width = BytesPerElement(values.dtype());
  if (width == 0 || values.data().size() % width != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(values.data().size(), " bytes of dtype ", DType_Name(values.dtype())));
  }
  std::vector<float> floats(values.data().size() / width);
  if (floats.empty()) return floats;
  if (values.dtype() == FLOAT32) {
    std::memcpy(floats.data(), values.data().data(), values.data().size());
    return floats;
  }
  for (size_t i = 0; i < floats.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, values.data().data() + 2 * i, sizeof bits);
    floats[i] = values.dtype() == BFLOAT16 ? BFloat16ToFloat(bits) : Float16ToFloat(bits);
  }
  return floats;
}

}  // namespace forensics::schema
