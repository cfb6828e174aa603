#include "analyzer/report/divergence_report.h"

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace forensics::analyzer {
namespace {

void WriteWhere(ReportWriter& writer, const SignalDivergence& divergence, NumberFormat format) {
  const ChangedElement& changed = divergence.changed;
  writer.Field("position", divergence.at.Computed());
  writer.Field("step", divergence.at.step);
  writer.Field("window", absl::StrCat("pos_", divergence.at.position));
  writer.Field("phase", PhaseName(divergence.at.InPrefill() ? Phase::kPrefill : Phase::kDecode));
  writer.Field("element", changed.element);
  writer.Field("a", static_cast<double>(changed.a));
  writer.Field("b", static_cast<double>(changed.b));
  writer.Field("a_bits", HexadecimalBits(changed.a));
  writer.Field("b_bits", HexadecimalBits(changed.b));
  writer.Field("ulps", UlpsOf(changed, format));
}

void WriteToken(ReportWriter& writer, const std::string& key, const Step& step) {
  writer.StartObject(key);
  writer.Field("token_id", step.token_id);
  writer.Field("token_text", step.token_text);
  writer.EndObject();
}

std::vector<std::string> Names(const std::vector<const Configuration*>& configurations) {
  std::vector<std::string> names;
  for (const Configuration* configuration : configurations) {
    names.push_back(configuration->config_id);
  }
  return names;
}

}  // namespace

std::string HexadecimalBits(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return absl::StrFormat("0x%08x", bits);
}

std::optional<int64_t> UlpsOf(const ChangedElement& changed, NumberFormat format) {
  if (!std::isfinite(changed.a) || !std::isfinite(changed.b)) return std::nullopt;
  if (format == NumberFormat::kFloat16) {
    HalfChanges change;
    change.Add(changed.a, changed.b);
    return static_cast<int64_t>(change.Ulps().largest);
  }
  BitChanges change;
  change.Add(changed.a, changed.b);
  return static_cast<int64_t>(change.Ulps(format).largest);
}

void WriteSignalDivergence(ReportWriter& writer, const std::optional<SignalDivergence>& divergence,
                           NumberFormat format) {
  if (!divergence.has_value()) return writer.Null("first_divergence");
  writer.StartObject("first_divergence");
  WriteWhere(writer, *divergence, format);
  writer.EndObject();
}

void WriteDivergence(ReportWriter& writer, const RunComparison& comparison) {
  if (const std::optional<Divergence> first = comparison.FirstDivergence(); first.has_value()) {
    writer.StartObject("first_divergence");
    writer.Field("signal", SignalName(first->signal));
    WriteWhere(writer, first->where,
               comparison.signals.at(first->signal).in(Phase::kAll).ulps.format);
    writer.EndObject();
  } else {
    writer.Null("first_divergence");
  }
  if (!comparison.first_divergent_token.has_value()) return writer.Null("first_divergent_token");
  writer.StartObject("first_divergent_token");
  writer.Field("step", comparison.first_divergent_token->step);
  WriteToken(writer, "a", comparison.first_divergent_token->a);
  WriteToken(writer, "b", comparison.first_divergent_token->b);
  writer.EndObject();
}

void WriteIdentityClasses(ReportWriter& writer, const ExperimentReport& report) {
  writer.StartObject("identity_classes");
  for (const auto& [signal, phases] : report.identity_classes) {
    writer.StartObject(SignalName(signal));
    for (const Phase phase : kPhases) {
      const IdentityClasses& found = phases[static_cast<size_t>(phase)];
      std::vector<std::vector<std::string>> classes;
      for (const auto& members : found.classes) classes.push_back(Names(members));
      writer.StartObject(PhaseName(phase));
      writer.Field("classes", classes);
      writer.Field("parted_at", found.parted_at);
      writer.Field("not_stored", Names(found.not_stored));
      writer.EndObject();
    }
    writer.EndObject();
  }
  writer.EndObject();
}

}  // namespace forensics::analyzer
