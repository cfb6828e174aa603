#include "runner/checkpoint/safetensors.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace forensics::runner {
namespace {

// None for a dtype that the format knows and this reader does not.
std::optional<at::ScalarType> ScalarTypeOf(const Dtype& dtype) {
  constexpr std::pair<absl::string_view, at::ScalarType> kTypes[] = {
      {"BOOL", at::kBool},  {"U8", at::kByte},       {"I8", at::kChar}, {"I16", at::kShort},
      {"F16", at::kHalf},   {"BF16", at::kBFloat16}, {"I32", at::kInt}, {"F32", at::kFloat},
      {"F64", at::kDouble}, {"I64", at::kLong}};
  for (const auto& [name, type] : kTypes) {
    if (name == dtype.name) return type;
  }
  return std::nullopt;
}

bool IsSame(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Writing sets both times, and who sets the one back sets the other again. The loss of a name sets
// the second one too, and leaves the bytes.
bool WasWritten(const struct stat& before, const struct stat& now) {
  if (now.st_size != before.st_size || !IsSame(now.st_mtim, before.st_mtim)) return true;
  return now.st_nlink == before.st_nlink && !IsSame(now.st_ctim, before.st_ctim);
}

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const auto failed = [&path](const char* what) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
  };
  // O_NONBLOCK: opening a pipe must fail the check below, not wait for a writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failed("cannot open");
  struct stat status;
  absl::Status refused;
  void* start = nullptr;
  if (fstat(descriptor, &status) != 0) {
    refused = failed("cannot stat");
  } else if (!S_ISREG(status.st_mode)) {
    refused = absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  } else if (status.st_size > 0) {
    start =
        mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (start == MAP_FAILED) refused = failed("cannot map");
  }
  if (!refused.ok()) {
    close(descriptor);
    return refused;
  }
  const absl::string_view bytes(static_cast<const char*>(start),
                                static_cast<size_t>(status.st_size));
  return std::shared_ptr<const MappedFile>(new MappedFile(path, descriptor, bytes, status));
}

MappedFile::MappedFile(std::string path, int descriptor, absl::string_view bytes,
                       const struct stat& opened)
    : path_(std::move(path)), descriptor_(descriptor), bytes_(bytes), opened_(opened) {
  if (!bytes_.empty()) guard_.emplace(bytes_.data(), bytes_.size(), path_);
}

MappedFile::~MappedFile() {
  guard_.reset();
  if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  close(descriptor_);
}

absl::Status MappedFile::CheckUnchanged() const {
  struct stat now;
  if (fstat(descriptor_, &now) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path_, ": cannot stat"));
  }
  if (!WasWritten(opened_, now)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, ": changed while it was in use: it had ",
                                          bytes_.size(), " bytes when it was opened, now it has ",
                                          now.st_size));
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path) {
  auto file = MappedFile::Open(path);
  if (!file.ok()) return file.status();
  auto tensors = ParseSafetensors((*file)->bytes(), path);
  if (!tensors.ok()) return tensors.status();
  return SafetensorsFile(path, *std::move(file), *std::move(tensors));
}

absl::StatusOr<at::Tensor> SafetensorsFile::Read(absl::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) {
    return absl::NotFoundError(absl::StrCat(path_, ": no tensor ", name));
  }
  if (absl::Status status = CheckUnchanged(); !status.ok()) return status;
  const StoredTensor& stored = found->second;
  const std::optional<at::ScalarType> scalar_type = ScalarTypeOf(*stored.dtype);
  if (!scalar_type) {
    return absl::UnimplementedError(absl::StrCat(path_, ": tensor ", name, ": dtype ",
                                                 stored.dtype->name, " is not supported"));
  }
  const auto options = at::TensorOptions().dtype(*scalar_type);
  const char* bytes = file_->bytes().data() + stored.begin;
  const bool aligned = reinterpret_cast<uintptr_t>(bytes) % (stored.dtype->bits / 8) == 0;
  if (aligned) {
    return at::from_blob(
        const_cast<char*>(bytes), stored.shape, [file = file_](void*) {}, options);
  }
  at::Tensor tensor = at::empty(stored.shape, options);
  std::memcpy(tensor.mutable_data_ptr(), bytes, static_cast<size_t>(stored.end - stored.begin));
  return tensor;
}

}  // namespace forensics::runner
