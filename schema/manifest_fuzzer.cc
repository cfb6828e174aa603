// Any text is refused by name, or is a manifest that survives being written and read again. Each
// input is also read with its digest made right.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "schema/run_directory.h"
#include "tools/fuzzing/fuzz_input.h"

namespace {

using forensics::fuzzing::Expect;
using forensics::schema::RunDirectory;
using forensics::schema::RunManifest;

const RunDirectory& Folder() {
  static const auto* const folder = [] {
    const char* parent = std::getenv("TEST_TMPDIR");
    const std::string path =
        absl::StrCat(parent == nullptr ? "/tmp" : parent, "/", getpid(), ".run");
    mkdir(path.c_str(), 0777);
    return new RunDirectory(path);
  }();
  return *folder;
}

void CheckText(absl::string_view text) {
  Expect(forensics::schema::WriteFileAtomically(Folder().ManifestPath(), text).ok(), "disk space");
  const absl::StatusOr<RunManifest> manifest = Folder().ReadManifest();
  if (!manifest.ok()) {
    Expect(absl::StartsWith(manifest.status().message(), Folder().ManifestPath() + ": "),
           "an error names the file", manifest.status().message());
    return;
  }
  const absl::Status written = Folder().WriteManifest(*manifest);
  Expect(written.ok(), "a manifest can be written", written.message());
  const absl::StatusOr<RunManifest> again = Folder().ReadManifest();
  Expect(again.ok(), "what was written can be read", again.status().message());
  Expect(again->DebugString() == manifest->DebugString(),
         "reading what was written gives the same manifest", manifest->DebugString());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  CheckText(text);
  const std::string lines = absl::StrCat(text, "\n");
  CheckText(absl::StrCat(
      lines, "# sha256 of the lines above: ", forensics::schema::Sha256Hex(lines), "\n"));
  return 0;
}
