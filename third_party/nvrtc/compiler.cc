#include "third_party/nvrtc/compiler.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "nvrtc.h"

namespace nvrtc {
namespace {

// The output of a getter pair such as nvrtcGetCUBINSize and nvrtcGetCUBIN; empty if there is none.
template <typename GetSize, typename Get>
std::string Read(nvrtcProgram program, GetSize get_size, Get get) {
  size_t size = 0;
  if (get_size(program, &size) != NVRTC_SUCCESS) return "";
  std::string output(size, '\0');
  return get(program, output.data()) == NVRTC_SUCCESS ? output : "";
}

// Without the times that compiling took: the same source makes the same output.
std::string WithoutTimes(const std::string& report) {
  const auto has_no_time = [](absl::string_view line) {
    return !absl::StrContains(line, "Compile time");
  };
  return absl::StrJoin(absl::StrSplit(report, '\n', has_no_time), "\n");
}

}  // namespace

absl::StatusOr<Compiled> CompileToCubin(const std::string& source, const std::string& name,
                                        const std::string& arch,
                                        const std::vector<std::string>& include_dirs) {
  nvrtcProgram program;
  nvrtcResult result =
      nvrtcCreateProgram(&program, source.c_str(), name.c_str(), 0, nullptr, nullptr);
  if (result != NVRTC_SUCCESS) return absl::InternalError(nvrtcGetErrorString(result));

  std::vector<std::string> options = {"-arch=" + arch, "-std=c++17", "-default-device",
                                      "-fmad=false", "--ptxas-options=-v"};
  for (const std::string& dir : include_dirs) options.push_back("-I" + dir);
  std::vector<const char*> pointers;
  for (const std::string& option : options) pointers.push_back(option.c_str());

  result = nvrtcCompileProgram(program, static_cast<int>(pointers.size()), pointers.data());
  Compiled compiled;
  compiled.cubin = Read(program, nvrtcGetCUBINSize, nvrtcGetCUBIN);
  compiled.report = Read(program, nvrtcGetProgramLogSize, nvrtcGetProgramLog);
  while (!compiled.report.empty() && compiled.report.back() == '\0') compiled.report.pop_back();
  compiled.report = WithoutTimes(compiled.report);
  nvrtcDestroyProgram(&program);
  if (result == NVRTC_SUCCESS) return compiled;
  return absl::InvalidArgumentError(
      absl::StrCat(name, " for ", arch, ": ", nvrtcGetErrorString(result), "\n", compiled.report));
}

}  // namespace nvrtc
