// What differs between two configurations beside the variable that is tested.
#ifndef ANALYZER_ANALYSIS_CONFOUNDING_H_
#define ANALYZER_ANALYSIS_CONFOUNDING_H_

#include <string>
#include <vector>

#include "analyzer/analysis/hardware.h"
#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

struct OtherDifference {
  std::string name;      // "torch_version", "settings.threads", "fixed_params.tp_size"
  std::string baseline;  // JSON text; empty if it is not said
  std::string variant;
};

// By name. What the variable changes by itself (the model of another quantisation, the number of
// processes) is left out, and so is what never bears on bits (digests of the work and of the fed
// run). A setting that the variant alone has belongs to the variable, unless it is an environment
// variable. The runner's own build does not count: each experiment's binary is another one.
std::vector<OtherDifference> OtherDifferences(const std::string& variable,
                                              const Configuration& baseline,
                                              const Configuration& variant);

// A line a name, over the variants of all hardware: "cuda_version is confounded with torch_version:
// 2.11.0 in A100_cu130; 2.5.1 in A100_cu118, A100_cu121".
std::vector<std::string> Confounding(const std::string& variable,
                                     const std::vector<HardwareGroup>& groups);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_CONFOUNDING_H_
