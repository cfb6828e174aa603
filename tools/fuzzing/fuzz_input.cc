#include "tools/fuzzing/fuzz_input.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

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

int64_t OffsetIn(absl::string_view message) {
  constexpr absl::string_view kBefore = "byte ";
  const size_t found = message.find(kBefore);
  if (found == absl::string_view::npos) return -1;
  absl::string_view digits = message.substr(found + kBefore.size());
  digits = digits.substr(0, digits.find_first_not_of("0123456789"));
  int64_t offset = -1;
  return absl::SimpleAtoi(digits, &offset) ? offset : -1;
}

}  // namespace forensics::fuzzing
