#include "collector/experiment_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "collector/comparable.h"
#include "schema/value_text.h"

namespace forensics::collector {
namespace {

using schema::RunManifest;
using schema::ValueText;
using schema::VariantSpec;
using RunList = std::vector<const Run*>;

std::string Describe(const Run& run) {
  return absl::StrCat(run.manifest.config_id(), " on ", run.manifest.hardware());
}

absl::Status TwoRuns(const Run& a, const Run& b) {
  return absl::FailedPreconditionError(
      absl::StrCat("two different runs of ", Describe(a), ": ", a.directory.path(), " (signals ",
                   a.SignalsDigest(), ") and ", b.directory.path(), " (signals ", b.SignalsDigest(),
                   "); give the results folder of one of them only"));
}

// Of runs with equal signals the first one; the others are noted.
RunList WithoutCopies(const RunList& runs, std::vector<std::string>& notes) {
  RunList kept;
  for (const Run* run : runs) {
    const auto same = std::find_if(kept.begin(), kept.end(), [run](const Run* other) {
      return other->manifest.config_id() == run->manifest.config_id() &&
             other->SignalsDigest() == run->SignalsDigest();
    });
    if (same == kept.end()) {
      kept.push_back(run);
    } else if ((*same)->directory.path() != run->directory.path()) {
      notes.push_back(absl::StrCat(run->directory.path(), " has the same signals as ",
                                   (*same)->directory.path(), ": left out"));
    }
  }
  return kept;
}

// Runs of one hardware: those of the experiment, and the reference's.
struct HardwareRuns {
  RunList references;
  RunList variants;
};

// The order of the experiment's own definition; values that it does not list come last.
int Order(const Run& run) {
  const auto& variants = run.manifest.experiment().variants();
  const std::string value = ValueText(run.manifest.variable_value());
  int index = 0;
  while (index < variants.size() && ValueText(variants[index].value()) != value) ++index;
  return index;
}

absl::StatusOr<RunList> ChooseVariants(const RunList& all, std::vector<std::string>& notes) {
  RunList runs = WithoutCopies(all, notes);
  std::map<std::string, const Run*> by_id;
  for (const Run* run : runs) {
    const Run& first = *by_id.emplace(run->manifest.config_id(), run).first->second;
    if (&first != run) return TwoRuns(first, *run);
  }
  std::stable_sort(runs.begin(), runs.end(),
                   [](const Run* a, const Run* b) { return Order(*a) < Order(*b); });
  return runs;
}

// The reference run of one hardware, or null. Of several (a second machine of the same kind ran its
// own) the one whose tokens the variants were fed, as they recorded it.
absl::StatusOr<const Run*> ChooseReference(const HardwareRuns& of_hardware,
                                           std::vector<std::string>& notes) {
  const RunList candidates = WithoutCopies(of_hardware.references, notes);
  if (candidates.empty()) return nullptr;
  if (candidates.size() == 1) return candidates.front();
  RunList recorded;
  for (const Run* candidate : candidates) {
    const bool fed = std::any_of(of_hardware.variants.begin(), of_hardware.variants.end(),
                                 [candidate](const Run* variant) {
                                   return variant->manifest.decoding().reference_signals_sha256() ==
                                          candidate->SignalsDigest();
                                 });
    if (fed) recorded.push_back(candidate);
  }
  if (recorded.size() != 1) return TwoRuns(*candidates[0], *candidates[1]);
  notes.push_back(absl::StrCat("baseline of ", recorded.front()->manifest.hardware(), ": ",
                               recorded.front()->directory.path(),
                               ", whose tokens the other runs were fed"));
  return recorded.front();
}

Configuration AsReference(const Run& run, const VariantSpec& reference) {
  Configuration configuration;
  configuration.run = &run;
  configuration.config_id =
      absl::StrCat(schema::ShortHardware(run.manifest.hardware()), "_", reference.config_suffix());
  configuration.value = reference.value();
  return configuration;
}

Configuration AsItself(const Run& run) {
  Configuration configuration;
  configuration.run = &run;
  configuration.config_id = run.manifest.config_id();
  configuration.value = run.manifest.variable_value();
  return configuration;
}

// What the experiment asks for on this hardware and is not there.
void NoteGaps(const std::string& hardware, const schema::ExperimentSpec& spec, const Run* reference,
              const RunList& variants, std::vector<std::string>& gaps) {
  if (reference == nullptr) {
    gaps.push_back(
        absl::StrCat("no reference run on ", hardware,
                     ": its configurations have no baseline (bazel run //runner:exp0; with "
                     "--overwrite if a finished run is there but damaged)"));
  }
  for (const VariantSpec& wanted : spec.variants()) {
    const std::string value = ValueText(wanted.value());
    const bool found = std::any_of(variants.begin(), variants.end(), [&value](const Run* run) {
      return ValueText(run->manifest.variable_value()) == value;
    });
    if (!found) {
      gaps.push_back(
          absl::StrCat("no finished run of ", spec.variable(), " = ", value, " on ", hardware));
    }
  }
}

// The labels by what `form` makes of them.
template <typename Form>
std::map<std::string, std::set<std::string>> LabelsBy(
    const Form& form, const std::vector<Configuration>& configurations) {
  std::map<std::string, std::set<std::string>> labels;
  for (const Configuration& configuration : configurations) {
    const std::string& hardware = configuration.run->manifest.hardware();
    labels[form(hardware)].insert(hardware);
  }
  return labels;
}

// Labels with the same short form ("A100-40GB", "A100-80GB") would share config ids, which link
// runs to configurations: such ids get the whole label, and its digest where labels ("CPU x",
// "CPU/x") are the same without special characters.
absl::Status MakeIdsUnique(std::vector<Configuration>& configurations) {
  auto by_short_form = LabelsBy(schema::ShortHardware, configurations);
  auto by_whole_form = LabelsBy(schema::PathPart, configurations);
  for (Configuration& configuration : configurations) {
    const std::string& hardware = configuration.run->manifest.hardware();
    const std::string short_form = schema::ShortHardware(hardware);
    if (by_short_form[short_form].size() < 2) continue;
    std::string prefix = schema::PathPart(hardware);
    if (by_whole_form[prefix].size() > 1) {
      absl::StrAppend(&prefix, "-", schema::LabelDigest(hardware));
    }
    const std::string& id = configuration.config_id;
    configuration.config_id = absl::StartsWith(id, short_form)
                                  ? absl::StrCat(prefix, id.substr(short_form.size()))
                                  : absl::StrCat(prefix, "_", id);
  }
  std::map<std::string, const Run*> by_id;
  for (const Configuration& configuration : configurations) {
    const Run* first = by_id.emplace(configuration.config_id, configuration.run).first->second;
    if (first == configuration.run) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "two configurations are called ", configuration.config_id, ": ", first->directory.path(),
        " (", first->manifest.hardware(), ") and ", configuration.run->directory.path(), " (",
        configuration.run->manifest.hardware(), ")"));
  }
  return absl::OkStatus();
}

absl::Status FinishConfigurations(ExperimentPlan& plan) {
  if (absl::Status status = MakeIdsUnique(plan.configurations); !status.ok()) return status;
  RunList runs;
  for (const Configuration& configuration : plan.configurations) runs.push_back(configuration.run);
  return CheckSameExperiment(runs);
}

absl::StatusOr<ExperimentPlan> PlanReference(const std::map<std::string, HardwareRuns>& hardware) {
  ExperimentPlan plan;
  plan.name = kReferenceExperiment;
  plan.variable = "none";
  plan.output_file = schema::kReferenceBaselineFile;
  for (const auto& [label, of_hardware] : hardware) {
    if (of_hardware.references.empty()) continue;
    // Without variants there is no one to say which of several is meant.
    absl::StatusOr<const Run*> run = ChooseReference({of_hardware.references, {}}, plan.notes);
    if (!run.ok()) return run.status();
    plan.configurations.push_back(AsItself(**run));
    plan.configurations.back().value.set_string_value("baseline");
  }
  if (absl::Status status = FinishConfigurations(plan); !status.ok()) return status;
  return plan;
}

// Adds the configurations of one hardware. A reference alone is worth having: it shows how far
// hardware is apart.
absl::Status AddHardware(const std::string& hardware, const schema::ExperimentSpec& spec,
                         const HardwareRuns& of_hardware, ExperimentPlan& plan) {
  if (of_hardware.references.empty() && of_hardware.variants.empty()) return absl::OkStatus();
  absl::StatusOr<RunList> variants = ChooseVariants(of_hardware.variants, plan.notes);
  if (!variants.ok()) return variants.status();
  absl::StatusOr<const Run*> reference = ChooseReference(of_hardware, plan.notes);
  if (!reference.ok()) return reference.status();
  if (absl::Status status = CheckSameDecoding(*reference, *variants); !status.ok()) return status;
  NoteGaps(hardware, spec, *reference, *variants, plan.gaps);
  if (*reference != nullptr) {
    plan.configurations.push_back(AsReference(**reference, spec.reference()));
  }
  for (const Run* run : *variants) plan.configurations.push_back(AsItself(*run));
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> ExperimentNames(const std::vector<Run>& runs) {
  std::set<std::pair<int, std::string>> numbered;
  for (const Run& run : runs) {
    const schema::ExperimentSpec& spec = run.manifest.experiment();
    numbered.emplace(run.IsReference() ? -1 : spec.id(), spec.name());
  }
  std::vector<std::string> names;
  for (const auto& [id, name] : numbered) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

absl::StatusOr<ExperimentPlan> PlanExperiment(const std::string& name,
                                              const std::vector<Run>& runs) {
  std::map<std::string, HardwareRuns> hardware;
  const Run* any = nullptr;
  for (const Run& run : runs) {
    HardwareRuns& of_hardware = hardware[run.manifest.hardware()];
    if (run.IsReference()) of_hardware.references.push_back(&run);
    if (run.manifest.experiment().name() != name) continue;
    any = &run;
    if (!run.IsReference()) of_hardware.variants.push_back(&run);
  }
  if (any == nullptr) return absl::NotFoundError(absl::StrCat("no finished run of ", name));
  if (name == kReferenceExperiment) return PlanReference(hardware);

  const schema::ExperimentSpec& spec = any->manifest.experiment();
  ExperimentPlan plan;
  plan.name = name;
  plan.variable = spec.variable();
  const std::string& file = spec.output_file();
  plan.output_file = schema::PathPart(file.empty() ? absl::StrCat(name, "_experiment.json") : file);
  for (const auto& [label, of_hardware] : hardware) {
    absl::Status status = AddHardware(label, spec, of_hardware, plan);
    if (!status.ok()) return status;
  }
  if (absl::Status status = FinishConfigurations(plan); !status.ok()) return status;
  return plan;
}

}  // namespace forensics::collector
