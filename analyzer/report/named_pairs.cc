#include "analyzer/report/named_pairs.h"

#include "absl/strings/str_cat.h"

namespace forensics::analyzer {

std::vector<std::string> PairColumns() {
  return {"experiment", "kind", "hardware", "config_a", "config_b", "value"};
}

void ForEachPair(
    const ExperimentReport& report,
    absl::FunctionRef<void(const ConfigurationPair& pair, const std::vector<std::string>& names)>
        use) {
  const auto use_all = [&](const char* kind, const std::string& hardware,
                           const std::vector<ConfigurationPair>& pairs) {
    for (const ConfigurationPair& pair : pairs) {
      use(pair, {report.name, kind, hardware, pair.a->config_id, pair.b->config_id, pair.value});
    }
  };
  for (const CrossHardwareBaseline& cross : report.cross_hardware_baseline) {
    use_all("cross_hardware_baseline", absl::StrCat(cross.hardware_a, "-", cross.hardware_b),
            cross.pairs);
  }
  for (const WithinHardware& within : report.within_hardware) {
    use_all("within_hardware", within.hardware, within.pairs);
  }
  for (const CrossHardwareDetectability& cross : report.cross_hardware) {
    use_all("cross_hardware_detectability", cross.variant_hardware + "_variant", cross.pairs);
  }
}

std::vector<std::string> Joined(std::vector<std::string> first,
                                const std::vector<std::string>& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

}  // namespace forensics::analyzer
