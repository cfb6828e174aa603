#include "runner/engine/instruction_set.h"

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace forensics::runner {
namespace {

// oneDNN's AVX512_CORE_FP16 and MKL's AVX512_E3 are all of AVX-512, bfloat16 included; AMX is what
// they leave out. ATen has no AMX kernels of its own.
const std::vector<InstructionSet>& InstructionSets() {
  static const auto* const sets = new std::vector<InstructionSet>{
      {"avx2",
       "AVX2",
       {"avx2", "fma"},
       {{"ATEN_CPU_CAPABILITY", "avx2"},
        {"MKL_ENABLE_INSTRUCTIONS", "AVX2"},
        {"ONEDNN_MAX_CPU_ISA", "AVX2"}}},
      {"avx512",
       "AVX512",
       {"avx512f", "avx512bw", "avx512dq", "avx512vl"},
       {{"ATEN_CPU_CAPABILITY", "avx512"},
        {"MKL_ENABLE_INSTRUCTIONS", "AVX512_E3"},
        {"ONEDNN_MAX_CPU_ISA", "AVX512_CORE_FP16"}}},
      {"amx",
       "AMX",
       {"amx_tile", "amx_bf16", "amx_int8"},
       {{"ATEN_CPU_CAPABILITY", "avx512"},
        {"MKL_ENABLE_INSTRUCTIONS", "AVX512_E4"},
        {"ONEDNN_MAX_CPU_ISA", "AVX512_CORE_AMX"}}},
  };
  return *sets;
}

// Of the first processor.
std::set<std::string> CpuFlags(absl::string_view cpuinfo) {
  for (const absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    const std::vector<absl::string_view> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (field.size() == 2 && absl::StripAsciiWhitespace(field[0]) == "flags") {
      return absl::StrSplit(field[1], ' ', absl::SkipWhitespace());
    }
  }
  return {};
}

std::vector<std::string> Missing(const InstructionSet& set, const std::set<std::string>& flags) {
  std::vector<std::string> missing;
  for (const std::string& flag : set.cpu_flags) {
    if (flags.count(flag) == 0) missing.push_back(flag);
  }
  return missing;
}

void AppendName(std::string* out, const InstructionSet& set) { absl::StrAppend(out, set.name); }

}  // namespace

absl::StatusOr<InstructionSet> FindInstructionSet(absl::string_view name) {
  for (const InstructionSet& set : InstructionSets()) {
    if (set.name == name) return set;
  }
  return absl::InvalidArgumentError(absl::StrCat("expected one of ",
                                                 absl::StrJoin(InstructionSets(), ", ", AppendName),
                                                 ", found \"", name, "\""));
}

absl::Status CheckCpuHas(const InstructionSet& set, absl::string_view cpuinfo) {
  const std::set<std::string> flags = CpuFlags(cpuinfo);
  const std::vector<std::string> missing = Missing(set, flags);
  if (missing.empty()) return absl::OkStatus();
  std::vector<InstructionSet> present = InstructionSets();
  present.erase(std::remove_if(present.begin(), present.end(),
                               [&](const auto& other) { return !Missing(other, flags).empty(); }),
                present.end());
  return absl::FailedPreconditionError(absl::StrCat(
      "--cpu_isa=", set.name, ": this CPU lacks ", absl::StrJoin(missing, ", "), "; it has ",
      present.empty() ? "none of the sets to choose from"
                      : absl::StrJoin(present, ", ", AppendName)));
}

std::string CpuInfo() {
  std::ifstream file("/proc/cpuinfo");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace forensics::runner
