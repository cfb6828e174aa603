#include "pods/plan_file.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "pods/plan_problems.h"
#include "schema/atomic_file.h"
#include "schema/command_line.h"

namespace forensics::pods {
namespace {

// Keeps the parser's first complaint, with its place.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (text_.empty()) text_ = absl::StrCat(line + 1, ":", column + 1, ": ", message);
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void FillDefaults(Plan& plan) {
  if (plan.folder().empty()) plan.set_folder("pod");
  if (plan.machine().currency().empty()) plan.mutable_machine()->set_currency("USD");
  if (plan.machine().device() == "cuda" && plan.machine().gpus() == 0) {
    plan.mutable_machine()->set_gpus(1);
  }
  Limits& limits = *plan.mutable_limits();
  if (limits.retries() == 0) limits.set_retries(3);
  if (limits.backoff_seconds() == 0) limits.set_backoff_seconds(10);
  if (plan.disk().results_gigabytes() == 0) plan.mutable_disk()->set_results_gigabytes(2);
}

void MakeUserPath(std::string& path) { path = schema::UserPath(path); }

void ResolvePaths(Plan& plan) {
  MakeUserPath(*plan.mutable_folder());
  MakeUserPath(*plan.mutable_machine()->mutable_compiled_packages());
  for (Model& model : *plan.mutable_models()) MakeUserPath(*model.mutable_directory());
  MakeUserPath(*plan.mutable_prompt()->mutable_document());
  for (std::string& path : *plan.mutable_prompt()->mutable_neighbours()) MakeUserPath(path);
  for (CudaVersion& build : *plan.mutable_cuda_versions()) MakeUserPath(*build.mutable_directory());
  MakeUserPath(*plan.mutable_others()->mutable_reference());
  for (std::string& path : *plan.mutable_others()->mutable_results()) MakeUserPath(path);
}

void Apply(const PlanOverrides& overrides, Plan& plan) {
  if (!overrides.folder.empty()) plan.set_folder(overrides.folder);
  if (overrides.model_dir.empty()) return;
  for (Model& model : *plan.mutable_models()) {
    if (model.repository().empty()) continue;
    const std::string& repository = model.repository();
    model.set_directory(
        absl::StrCat(overrides.model_dir, "/", repository.substr(repository.rfind('/') + 1)));
    model.clear_repository();
    model.clear_revision();
  }
}

}  // namespace

absl::StatusOr<Plan> ParsePlan(absl::string_view name, absl::string_view text,
                               const PlanOverrides& overrides) {
  Plan plan;
  FirstError error;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(text), &plan)) {
    return absl::InvalidArgumentError(absl::StrCat(name, ":", error.text()));
  }
  std::vector<std::string> problems;
  FindRepositoryProblems(plan, problems);
  Apply(overrides, plan);
  FindProblems(plan, problems);
  FillDefaults(plan);
  ResolvePaths(plan);
  FindFolderProblems(plan, problems);
  if (problems.empty()) return plan;
  return absl::InvalidArgumentError(
      absl::StrCat(name, ": ", absl::StrJoin(problems, absl::StrCat("\n", name, ": "))));
}

absl::StatusOr<Plan> ReadPlan(const std::string& path, const PlanOverrides& overrides) {
  const absl::StatusOr<std::string> text = schema::ReadFile(schema::UserPath(path));
  if (!text.ok()) return text.status();
  return ParsePlan(path, *text, overrides);
}

}  // namespace forensics::pods
