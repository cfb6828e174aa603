// What fuzzers need beside the code that they fuzz.
#ifndef TOOLS_FUZZING_FUZZ_INPUT_H_
#define TOOLS_FUZZING_FUZZ_INPUT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::fuzzing {

// A file in memory, for readers that take a path.
class InputFile {
 public:
  explicit InputFile(absl::string_view bytes);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }

 private:
  int descriptor_;
  std::string path_;
};

// Ends the program with `expectation` if it does not hold, so that libFuzzer keeps the input.
void Expect(bool holds, absl::string_view expectation, absl::string_view found = "");

// The number behind `before`, with which the message begins; -1 if it begins otherwise. (Elsewhere
// a message may quote the input.)
int64_t OffsetBehind(absl::string_view before, absl::string_view message);

}  // namespace forensics::fuzzing

#endif  // TOOLS_FUZZING_FUZZ_INPUT_H_
