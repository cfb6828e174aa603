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

}  // namespace

absl::StatusOr<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  const auto failed = [&path](const char* what) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": ", what));
  };
  // O_NONBLOCK: opening a pipe must fail the check below, not wait for a writer.
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return failed("cannot open");
  struct Closer {
    int descriptor;
    ~Closer() { close(descriptor); }
  } closer{descriptor};

  struct stat status;
  if (fstat(descriptor, &status) != 0) return failed("cannot stat");
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": not a regular file"));
  }
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return std::shared_ptr<const MappedFile>(new MappedFile(absl::string_view()));
  void* start = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  if (start == MAP_FAILED) return failed("cannot map");
  return std::shared_ptr<const MappedFile>(
      new MappedFile(absl::string_view(static_cast<const char*>(start), size)));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
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
