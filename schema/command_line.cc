#include "schema/command_line.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <system_error>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace forensics::schema {
namespace {

constexpr char kUsagePayload[] = "forensics/usage";

// Where the programs of the bundle are that this one is part of; empty: it is part of none.
std::string BundleFolder() {
  std::error_code error;
  const std::filesystem::path bin =
      std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const bool is_bundle = !error && bin.filename() == "bin" &&
                         std::filesystem::exists(bin.parent_path() / "MANIFEST", error);
  return is_bundle ? bin.string() : "";
}

// The program that `text` begins with as Bazel runs it, "[--config=cuda ]//some:program[ --]",
// taken off it; empty if it does not.
std::string ConsumeProgram(absl::string_view& text) {
  const auto is_in_name = [](char c) { return absl::ascii_isalnum(c) || c == '_'; };
  absl::string_view rest = text;
  absl::ConsumePrefix(&rest, "--config=cuda ");
  if (!absl::ConsumePrefix(&rest, "//")) return "";
  while (!rest.empty() && (is_in_name(rest[0]) || rest[0] == '/')) rest.remove_prefix(1);
  if (!absl::ConsumePrefix(&rest, ":")) return "";
  const auto end = std::find_if_not(rest.begin(), rest.end(), is_in_name);
  const std::string program(rest.begin(), end);
  rest.remove_prefix(program.size());
  if (absl::StartsWith(rest, " -- ")) rest.remove_prefix(3);
  text = rest;
  return program;
}

void PrintHelp(absl::string_view usage) {
  std::cout << AsTypedHere(usage) << "\nFlags:\n";
  std::map<std::string, const absl::CommandLineFlag*> flags;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (!absl::StrContains(flag->Filename(), "absl/")) flags[std::string(name)] = flag;
  }
  for (const auto& [name, flag] : flags) {
    std::cout << "  --" << name
              << "  (default: " << (flag->DefaultValue().empty() ? "none" : flag->DefaultValue())
              << ")\n      " << flag->Help() << "\n";
  }
}

[[noreturn]] void ExitWithUsage(absl::string_view program, absl::string_view problem) {
  std::cerr << program << ": " << problem << "; --help lists the flags\n";
  std::exit(kExitUsage);
}

// Sets the flag that `argument` names; takes the next argument as its value where it has none.
// Returns how many arguments were used, or an error.
absl::StatusOr<int> SetFlag(absl::string_view argument, const char* next) {
  const absl::string_view body = argument.substr(absl::StartsWith(argument, "--") ? 2 : 1);
  const size_t equals = body.find('=');
  const absl::string_view name = body.substr(0, equals);
  absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
  std::string value;
  int used = 1;
  if (flag == nullptr && equals == absl::string_view::npos && absl::StartsWith(name, "no")) {
    flag = absl::FindCommandLineFlag(name.substr(2));
    if (flag != nullptr && !flag->IsOfType<bool>()) flag = nullptr;
    value = "false";
  } else if (equals != absl::string_view::npos) {
    value = std::string(body.substr(equals + 1));
  } else if (flag != nullptr && flag->IsOfType<bool>()) {
    value = "true";
  } else if (flag != nullptr && next != nullptr && !absl::StartsWith(next, "--")) {
    value = next;
    used = 2;
  } else if (flag != nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("flag --", name, " needs a value"));
  }
  if (flag == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("unknown flag --", name));
  }
  if (flag->IsOfType<std::vector<std::string>>()) {
    // A list of nothing would be taken for a flag that was not given.
    if (value.empty())
      return absl::InvalidArgumentError(absl::StrCat("flag --", name, " is empty"));
    // A list grows with each time that its flag is given.
    if (!flag->CurrentValue().empty()) value = absl::StrCat(flag->CurrentValue(), ",", value);
  }
  std::string error;
  if (!flag->ParseFrom(value, &error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("bad value '", value, "' of flag --", name, ": ", error));
  }
  return used;
}

}  // namespace

std::vector<std::string> ParseCommandLineOrExit(absl::string_view usage, int argc, char** argv) {
  const std::string program = std::filesystem::path(argv[0]).filename().string();
  std::vector<std::string> positional;
  for (int i = 1; i < argc;) {
    const absl::string_view argument = argv[i];
    if (argument == "--") {
      positional.insert(positional.end(), argv + i + 1, argv + argc);
      break;
    }
    if (argument == "--help" || argument == "-h") {
      PrintHelp(usage);
      std::exit(kExitDone);
    }
    if (argument.size() < 2 || argument[0] != '-') {
      positional.emplace_back(argument);
      ++i;
      continue;
    }
    const absl::StatusOr<int> used = SetFlag(argument, i + 1 < argc ? argv[i + 1] : nullptr);
    if (!used.ok()) {
      ExitWithUsage(program, used.status().message());
    }
    i += *used;
  }
  return positional;
}

std::string UserPath(absl::string_view path) {
  const char* typed_in = std::getenv("BUILD_WORKING_DIRECTORY");
  if (path.empty() || path.front() == '/' || typed_in == nullptr) return std::string(path);
  return (std::filesystem::path(typed_in) / std::string(path)).lexically_normal().string();
}

std::string AsTypedHere(absl::string_view text) { return AsTypedIn(BundleFolder(), text); }

std::string AsTypedIn(const std::string& bin, absl::string_view text) {
  constexpr absl::string_view kBazel = "bazel run ";
  std::string typed;
  while (!bin.empty()) {
    const size_t at = text.find(kBazel);
    if (at == absl::string_view::npos) break;
    absl::StrAppend(&typed, text.substr(0, at));
    text.remove_prefix(at + kBazel.size());
    absl::string_view rest = text;
    const std::string program = absl::StrCat(bin, "/", ConsumeProgram(rest));
    std::error_code error;
    if (!std::filesystem::is_regular_file(program, error)) {
      absl::StrAppend(&typed, kBazel);
      continue;
    }
    absl::StrAppend(&typed, program);
    text = rest;
  }
  return absl::StrCat(typed, text);
}

absl::Status UsageError(absl::string_view message) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kUsagePayload, absl::Cord());
  return status;
}

int ReportAndExitCode(absl::string_view program, const absl::Status& status) {
  if (status.ok()) return kExitDone;
  std::cerr << program << ": " << AsTypedHere(status.message()) << "\n";
  return status.GetPayload(kUsagePayload).has_value() ? kExitUsage : kExitFailed;
}

}  // namespace forensics::schema
