#include "pods/step_work.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "pods/bundle_manifest.h"
#include "pods/cpu_facts.h"
#include "pods/model_identity.h"
#include "pods/workspace.h"
#include "schema/atomic_file.h"
#include "schema/digest.h"
#include "schema/list_directory.h"
#include "schema/regular_file.h"
#include "schema/run_directory.h"

namespace forensics::pods {
namespace {

namespace fs = std::filesystem;

constexpr char kNone[] = "none";

// Of all files below it, by name.
absl::StatusOr<std::string> FolderDigest(const std::string& folder, FileDigests& digests) {
  std::string lines;
  for (const std::string& inner : schema::ListFolders(folder).folders) {
    const auto entries = schema::ListDirectory(inner);
    if (!entries.ok()) return entries.status();
    for (const fs::directory_entry& entry : *entries) {
      std::error_code error;
      if (!entry.is_regular_file(error)) continue;
      const absl::StatusOr<std::string> digest = digests.Of(entry.path().string());
      if (!digest.ok()) return digest.status();
      absl::StrAppend(&lines, *digest, "  ", entry.path().lexically_relative(folder).string(),
                      "\n");
    }
  }
  return schema::Sha256Hex(lines);
}

// The flags "model" and "model_gptq".
bool IsModel(absl::string_view flag) { return flag == "model" || absl::StartsWith(flag, "model_"); }

class WorkMaker {
 public:
  WorkMaker(const Plan& plan, FileDigests& digests) : plan_(plan), digests_(digests) {}

  absl::StatusOr<StepWork> Make(const Step& step) && {
    StepWork work = {{"document_tokens", absl::StrCat(kDefaultDocumentTokens)},
                     {"decode_steps", absl::StrCat(kDefaultDecodeSteps)}};
    for (size_t i = 1; i < step.command.size(); ++i) {
      const std::pair<std::string, std::string> flag =
          absl::StrSplit(absl::StripPrefix(step.command[i], "--"), absl::MaxSplits('=', 1));
      if (!Decides(flag.first, step)) continue;
      const absl::StatusOr<std::string> value = ValueOf(flag.first, flag.second);
      if (!value.ok()) return value.status();
      std::string& all = work[flag.first];
      all = flag.first == "neighbour" && !all.empty() ? absl::StrCat(all, " ", *value) : *value;
    }
    AddBuild(step.command.front(), work);
    if (step.kind == StepKind::kTrial) AddCpu(work);
    return work;
  }

 private:
  // Where results go and which of an experiment's configurations are run is no part of the work. A
  // label is one of the folders in which results lie; only the trial's have no other place.
  static bool Decides(const std::string& flag, const Step& step) {
    if (flag == "hardware") return step.kind == StepKind::kTrial;
    return flag != "output" && flag != "only" && flag != "provider";
  }

  absl::StatusOr<std::string> ValueOf(const std::string& flag, const std::string& value) {
    if (IsModel(flag)) return ValueOfModel(value);
    const bool is_file = flag == "document" || flag == "neighbour";
    const bool is_folder = flag == "compiled_packages";
    const bool is_run = flag == "reference";
    if (!is_file && !is_folder && !is_run) return value;
    std::error_code error;
    if (!fs::exists(value, error)) return kUnknownWork;
    if (is_folder) return FolderDigest(value, digests_);
    return is_file ? digests_.Of(value) : SignalsOf(value);
  }

  absl::StatusOr<std::string> ValueOfModel(const std::string& directory) {
    Model model;  // lies in a folder of the user's, unless the plan says otherwise
    for (const Model& of_plan : plan_.models()) {
      if (ModelDirectory(plan_, of_plan) == directory) model = of_plan;
    }
    absl::StatusOr<std::string> identity = ModelIdentity(model, directory, digests_);
    if (absl::IsNotFound(identity.status())) return kUnknownWork;
    return identity;
  }

  // The tokens that are fed are part of a run's signals; its times are not.
  static absl::StatusOr<std::string> SignalsOf(const std::string& run) {
    const auto manifest = schema::RunDirectory(run).ReadManifest();
    if (!manifest.ok() || manifest->repetitions().empty()) return kUnknownWork;
    return manifest->repetitions(0).signals_sha256();
  }

  // BUNDLE/bin/exp0 is what BUNDLE/MANIFEST lists.
  void AddBuild(const std::string& program, StepWork& work) const {
    const std::map<std::string, std::string> fields = BundleFields(program);
    if (fields.empty() && !plan_.machine().cuda_version().empty()) {
      work["cuda"] = plan_.machine().cuda_version();
    }
    for (const auto& [name, value] : fields) {
      if (name == "torch" || name == "cuda") work[name] = value;
      if (name == "content") work["bundle"] = value;
    }
  }

  // By the trial a plan knows the label of this machine's runs; of a GPU its manifest says all.
  void AddCpu(StepWork& work) const {
    if (plan_.machine().device() != "cpu") return;
    const auto cpuinfo = schema::ReadRegularFile("/proc/cpuinfo");
    const std::string cpu = CpuName(cpuinfo.value_or(""));
    if (!cpu.empty()) work["cpu"] = cpu;
  }

  const Plan& plan_;
  FileDigests& digests_;
};

}  // namespace

absl::StatusOr<StepWork> WorkOf(const Plan& plan, const Step& step, FileDigests& digests) {
  return WorkMaker(plan, digests).Make(step);
}

std::string WorkText(const StepWork& work) {
  return absl::StrCat(absl::StrJoin(work, "\n", absl::PairFormatter(" ")), "\n");
}

StepWork ParseWork(absl::string_view text) {
  StepWork work;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    work.insert(std::pair<std::string, std::string>(absl::StrSplit(line, absl::MaxSplits(' ', 1))));
  }
  return work;
}

std::string WorkDifference(const StepWork& found, const StepWork& expected) {
  std::set<std::string> keys;
  for (const StepWork* work : {&found, &expected}) {
    for (const auto& entry : *work) keys.insert(entry.first);
  }
  const auto value = [](const StepWork& work, const std::string& key) {
    const auto entry = work.find(key);
    return entry == work.end() ? std::string(kNone) : entry->second;
  };
  std::vector<std::string> differences;
  for (const std::string& key : keys) {
    const std::string is = value(found, key), should_be = value(expected, key);
    if (is == should_be || is == kUnknownWork || should_be == kUnknownWork) continue;
    if (IsModel(key) && IsSameModel(is, should_be)) continue;
    differences.push_back(absl::StrCat(key, " is ",
                                       IsModel(key) ? ModelDifference(is, should_be)
                                                    : absl::StrCat(is, ", expected ", should_be)));
  }
  return absl::StrJoin(differences, "; ");
}

absl::Status WriteWorkStamp(const Plan& plan, const Step& step, FileDigests& digests) {
  absl::StatusOr<StepWork> work = WorkOf(plan, step, digests);
  if (!work.ok()) return work.status();
  const absl::StatusOr<StepWork> then = ReadWorkStamp(plan, step);
  if (!then.ok() && !absl::IsNotFound(then.status())) return then.status();
  for (const auto& [key, known] : then.value_or(StepWork())) {
    const auto now = work->find(key);
    if (now != work->end() && now->second == kUnknownWork) now->second = known;
  }
  return schema::WriteFileAtomically(Workspace(plan.folder()).Stamp(step.id), WorkText(*work));
}

absl::StatusOr<StepWork> ReadWorkStamp(const Plan& plan, const Step& step) {
  const auto text = schema::ReadRegularFile(Workspace(plan.folder()).Stamp(step.id));
  if (!text.ok()) return text.status();
  return ParseWork(*text);
}

absl::StatusOr<std::optional<std::string>> WorkSinceStamp(const Plan& plan, const Step& step,
                                                          FileDigests& digests) {
  const absl::StatusOr<StepWork> then = ReadWorkStamp(plan, step);
  if (absl::IsNotFound(then.status())) return std::nullopt;
  if (!then.ok()) return then.status();
  const absl::StatusOr<StepWork> now = WorkOf(plan, step, digests);
  if (!now.ok()) return now.status();
  return WorkDifference(*then, *now);
}

}  // namespace forensics::pods
