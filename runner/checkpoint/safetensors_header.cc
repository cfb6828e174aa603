#include "runner/checkpoint/safetensors_header.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "rapidjson/document.h"
#include "runner/checkpoint/json_object.h"

namespace forensics::runner {
namespace {

constexpr size_t kLengthBytes = 8;
// The reference implementation's own limit; published shards stay below 2 MB.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;

constexpr std::array<Dtype, 22> kDtypes = {{
    {"BOOL", 8},        {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"U8", 8},
    {"I8", 8},          {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8},
    {"F8_E5M2FNUZ", 8}, {"I16", 16},    {"U16", 16},    {"F16", 16},    {"BF16", 16},
    {"I32", 32},        {"U32", 32},    {"F32", 32},    {"F64", 64},    {"I64", 64},
    {"U64", 64},        {"C64", 64},
}};

std::string KnownDtypes() {
  return absl::StrJoin(kDtypes, ", ", [](std::string* out, const Dtype& dtype) {
    absl::StrAppend(out, dtype.name);
  });
}

// An array of integers from 0 to the largest int64; `what` names it in errors.
absl::StatusOr<std::vector<int64_t>> ParseSizes(const rapidjson::Value& value,
                                                absl::string_view what) {
  if (!value.IsArray()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected an array of integers, found ", JsonExcerpt(value)));
  }
  std::vector<int64_t> sizes;
  for (const auto& item : value.GetArray()) {
    if (!item.IsInt64() || item.GetInt64() < 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(what, "[", sizes.size(), "]: expected an integer from 0 to ",
                       std::numeric_limits<int64_t>::max(), ", found ", JsonExcerpt(item)));
    }
    sizes.push_back(item.GetInt64());
  }
  return sizes;
}

// Bytes of a tensor, or nothing where they are not whole, or where the product of the sizes other
// than zero (which strides are made of) does not fit an int64.
std::optional<int64_t> ByteSize(const std::vector<int64_t>& shape, const Dtype& dtype) {
  int64_t bits = dtype.bits;
  bool empty = false;
  for (int64_t size : shape) {
    empty = empty || size == 0;
    if (__builtin_mul_overflow(bits, std::max<int64_t>(size, 1), &bits)) return std::nullopt;
  }
  if (empty) return 0;
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

// One entry of the header. `data_begin` and `data_size` say where the tensors' bytes are.
absl::StatusOr<StoredTensor> ParseEntry(const rapidjson::Value& entry, absl::string_view what,
                                        int64_t data_begin, int64_t data_size) {
  if (!entry.IsObject()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": expected an object, found ", JsonExcerpt(entry)));
  }
  if (absl::Status status = CheckUniqueNames(entry, what); !status.ok()) return status;
  for (const char* name : {"dtype", "shape", "data_offsets"}) {
    if (!entry.HasMember(name)) {
      return absl::InvalidArgumentError(absl::StrCat(what, ": no \"", name, "\""));
    }
  }
  if (entry.MemberCount() != 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        what, ": expected dtype, shape and data_offsets, found ", entry.MemberCount(), " fields"));
  }

  StoredTensor tensor;
  const rapidjson::Value& dtype = entry["dtype"];
  tensor.dtype = dtype.IsString() ? FindDtype(JsonString(dtype)) : nullptr;
  if (tensor.dtype == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": unknown dtype ", JsonExcerpt(dtype), "; known are ", KnownDtypes()));
  }
  auto shape = ParseSizes(entry["shape"], absl::StrCat(what, ": shape"));
  if (!shape.ok()) return shape.status();
  tensor.shape = *std::move(shape);
  auto offsets = ParseSizes(entry["data_offsets"], absl::StrCat(what, ": data_offsets"));
  if (!offsets.ok()) return offsets.status();
  if (offsets->size() != 2) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": data_offsets: expected two integers, found ", offsets->size()));
  }
  const int64_t begin = (*offsets)[0];
  const int64_t end = (*offsets)[1];
  if (begin > end || end > data_size) {
    return absl::OutOfRangeError(absl::StrCat(what, ": data_offsets [", begin, ", ", end,
                                              "] do not lie within the file's ", data_size,
                                              " bytes of data; is the file truncated?"));
  }
  const std::optional<int64_t> expected = ByteSize(tensor.shape, *tensor.dtype);
  if (expected != end - begin) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, ": ", tensor.dtype->name, " [", absl::StrJoin(tensor.shape, ", "),
                     "] takes ", expected ? absl::StrCat(*expected) : "no possible number of",
                     " bytes, data_offsets [", begin, ", ", end, "] hold ", end - begin));
  }
  tensor.begin = data_begin + begin;
  tensor.end = data_begin + end;
  return tensor;
}

// The ranges, in order, must cover the file from `data_begin` to `file_end`.
absl::Status CheckCoverage(const StoredTensors& tensors, int64_t data_begin, int64_t file_end,
                           absl::string_view origin) {
  std::vector<StoredTensors::const_pointer> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::make_pair(a->second.begin, a->second.end) <
           std::make_pair(b->second.begin, b->second.end);
  });
  int64_t position = data_begin;
  absl::string_view previous = "the header";
  for (const auto* entry : order) {
    const auto& [name, tensor] = *entry;
    if (tensor.begin != position) {
      return absl::InvalidArgumentError(absl::StrCat(
          origin, ": tensor ", name, " starts at data offset ", tensor.begin - data_begin,
          tensor.begin < position ? ", inside that of " : ", leaving a hole after ", previous,
          ", which ends at ", position - data_begin));
    }
    position = tensor.end;
    previous = name;
  }
  if (position != file_end) {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": ", file_end - position,
                                                   " bytes after the last tensor belong to none"));
  }
  return absl::OkStatus();
}

absl::Status CheckMetadata(const rapidjson::Value& metadata, absl::string_view what) {
  bool strings = metadata.IsObject();
  if (strings) {
    for (const auto& member : metadata.GetObject()) strings = strings && member.value.IsString();
  }
  if (strings) return CheckUniqueNames(metadata, what);
  return absl::InvalidArgumentError(absl::StrCat(what, ": expected an object of strings"));
}

}  // namespace

const Dtype* FindDtype(absl::string_view name) {
  for (const Dtype& dtype : kDtypes) {
    if (dtype.name == name) return &dtype;
  }
  return nullptr;
}

absl::StatusOr<StoredTensors> ParseSafetensors(absl::string_view file, absl::string_view origin) {
  if (file.size() < kLengthBytes) {
    return absl::DataLossError(absl::StrCat(
        origin, ": expected at least 8 bytes (the header's length), found ", file.size()));
  }
  uint64_t header_size = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    header_size |= static_cast<uint64_t>(static_cast<unsigned char>(file[i])) << (8 * i);
  }
  if (header_size > kMaxHeaderBytes) {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": a header of ", header_size,
                                                   " bytes, the limit is ", kMaxHeaderBytes));
  }
  if (header_size > file.size() - kLengthBytes) {
    return absl::DataLossError(absl::StrCat(origin, ": a header of ", header_size,
                                            " bytes does not fit in the file, which has ",
                                            file.size(), "; is it truncated?"));
  }
  const absl::string_view header = file.substr(kLengthBytes, header_size);
  if (header.empty() || header[0] != '{') {
    return absl::InvalidArgumentError(absl::StrCat(origin, ": the header does not begin with '{'"));
  }
  auto json = ParseJsonObject(header, absl::StrCat(origin, ": header"));
  if (!json.ok()) return json.status();
  if (absl::Status status = CheckUniqueNames(*json, origin); !status.ok()) return status;

  const auto data_begin = static_cast<int64_t>(kLengthBytes + header_size);
  const auto file_end = static_cast<int64_t>(file.size());
  StoredTensors tensors;
  for (const auto& member : json->GetObject()) {
    const absl::string_view name = JsonString(member.name);
    if (name == "__metadata__") {
      absl::Status status = CheckMetadata(member.value, absl::StrCat(origin, ": __metadata__"));
      if (!status.ok()) return status;
      continue;
    }
    auto tensor = ParseEntry(member.value, absl::StrCat(origin, ": tensor ", name), data_begin,
                             file_end - data_begin);
    if (!tensor.ok()) return tensor.status();
    tensors.emplace(name, *std::move(tensor));
  }
  if (absl::Status status = CheckCoverage(tensors, data_begin, file_end, origin); !status.ok()) {
    return status;
  }
  return tensors;
}

}  // namespace forensics::runner
