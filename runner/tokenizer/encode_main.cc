// bazel run //runner/tokenizer:encode: token ids of JSON strings, a line each.
#include <iostream>
#include <string>

#include "absl/flags/flag.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "rapidjson/document.h"
#include "rapidjson/error/en.h"
#include "runner/tokenizer/tokenizer.h"
#include "schema/command_line.h"

ABSL_FLAG(std::string, tokenizer, "", "a Hugging Face tokenizer.json");

namespace forensics::runner {
namespace {

constexpr char kUsage[] = R"(Encodes text to token ids.

Reads one JSON string a line from standard input and prints one JSON array of ids a line. Added
tokens such as <|im_end|> are recognised in the text; nothing is added to it. Blank lines are bad
input too. The first bad line ends the program with exit code 1.

  encode --tokenizer=DIR/tokenizer.json < strings.jsonl > ids.jsonl
  echo '"Hello, world"' | encode --tokenizer=DIR/tokenizer.json)";

absl::StatusOr<std::vector<int64_t>> EncodeLine(const Tokenizer& tokenizer,
                                                absl::string_view line) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(line.data(),
                                                                                     line.size());
  if (json.HasParseError()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not JSON: ", rapidjson::GetParseError_En(json.GetParseError()), " at byte ",
                     json.GetErrorOffset()));
  }
  if (!json.IsString()) return absl::InvalidArgumentError("not a JSON string");
  return tokenizer.Encode({json.GetString(), json.GetStringLength()});
}

absl::Status Run(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) {
    return schema::UsageError(absl::StrCat("unexpected argument '", arguments[0], "'"));
  }
  const std::string path = schema::UserPath(absl::GetFlag(FLAGS_tokenizer));
  if (path.empty()) return schema::UsageError("--tokenizer=FILE is needed");
  const auto tokenizer = Tokenizer::FromFile(path);
  if (!tokenizer.ok()) return tokenizer.status();

  std::string line;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    const auto ids = EncodeLine(**tokenizer, line);
    if (!ids.ok()) {
      return absl::Status(ids.status().code(),
                          absl::StrCat("line ", number, ": ", ids.status().message()));
    }
    std::cout << "[" << absl::StrJoin(*ids, ",") << "]\n";
    // Whoever feeds line by line waits for the answer; with more input at hand there is no hurry.
    if (std::cin.rdbuf()->in_avail() <= 0) std::cout.flush();
  }
  std::cout.flush();
  if (std::cin.bad() || !std::cout.good()) return absl::DataLossError("standard input or output");
  return absl::OkStatus();
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  std::cin.tie(nullptr);
  const auto arguments =
      forensics::schema::ParseCommandLineOrExit(forensics::runner::kUsage, argc, argv);
  return forensics::schema::ReportAndExitCode("encode", forensics::runner::Run(arguments));
}
