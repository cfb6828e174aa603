#include "tools/fuzzing/fuzz_input.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace forensics::fuzzing {

InputFile::InputFile(absl::string_view bytes)
    : descriptor_(memfd_create("input", 0)), path_(absl::StrCat("/proc/self/fd/", descriptor_)) {
  Expect(descriptor_ >= 0, "memfd_create");
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    Expect(written > 0, "write to memory");
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

InputFile::~InputFile() { close(descriptor_); }

void Expect(bool holds, absl::string_view expectation, absl::string_view found) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\nfound: %.*s\n", static_cast<int>(expectation.size()),
               expectation.data(), static_cast<int>(found.size()), found.data());
  std::abort();
}

int64_t OffsetBehind(absl::string_view before, absl::string_view message) {
  if (!absl::ConsumePrefix(&message, before)) return -1;
  int64_t offset = -1;
  const absl::string_view digits = message.substr(0, message.find_first_not_of("0123456789"));
  return absl::SimpleAtoi(digits, &offset) ? offset : -1;
}

}  // namespace forensics::fuzzing
