#include "runner/parallel/nccl_library.h"

#include <dlfcn.h>

#include "absl/strings/str_cat.h"

namespace forensics::runner::nccl {
namespace {

absl::StatusOr<Library> Load() {
  void* const handle = dlopen("libnccl.so.2", RTLD_NOW);
  if (handle == nullptr) return absl::UnavailableError(absl::StrCat("no NCCL here: ", dlerror()));
  Library library;
  const char* missing = nullptr;
  const auto find = [&](auto& function, const char* name) {
    function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(handle, name));
    if (function == nullptr && missing == nullptr) missing = name;
  };
#define FORENSICS_FIND(name) find(library.name, #name)
  FORENSICS_FIND(ncclGetVersion);
  FORENSICS_FIND(ncclGetUniqueId);
  FORENSICS_FIND(ncclCommInitRankConfig);
  FORENSICS_FIND(ncclCommGetAsyncError);
  FORENSICS_FIND(ncclCommAbort);
  FORENSICS_FIND(ncclAllReduce);
  FORENSICS_FIND(ncclAllGather);
  FORENSICS_FIND(ncclGetErrorString);
  FORENSICS_FIND(ncclGetLastError);
#undef FORENSICS_FIND
  if (missing == nullptr) return library;
  return absl::UnavailableError(absl::StrCat("NCCL is too old: libnccl.so.2 has no ", missing));
}

}  // namespace

absl::StatusOr<const Library*> Library::Get() {
  static const absl::StatusOr<Library> library = Load();
  if (!library.ok()) return library.status();
  return &*library;
}

}  // namespace forensics::runner::nccl
