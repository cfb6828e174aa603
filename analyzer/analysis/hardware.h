// Which configurations ran on the same hardware, and which of them is the baseline.
//
// Experiment 0's value of each variable is a line of kReferenceValues in hardware.cc: an experiment
// that is added adds its line there; without one the first configuration listed is the baseline.
#ifndef ANALYZER_ANALYSIS_HARDWARE_H_
#define ANALYZER_ANALYSIS_HARDWARE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// "A100" for "A100-80GB" and "NVIDIA A100-SXM4-80GB" (schema::ShortHardware); a label that names no
// known GPU is its own name. Upper and lower case are one.
std::string HardwareName(const std::string& label);

// The name of each hardware label in the file: HardwareName, but where labels that share it
// contradict each other in memory or form (A100-40GB and A100-80GB, SXM and PCIe), each of them is
// its own name.
std::map<std::string, std::string> HardwareNames(const Experiment& experiment);

// "H100" for "emulated:H100", whose bits a CPU computed in that GPU's arithmetic; none for real
// hardware.
std::optional<std::string> EmulatedGpu(const std::string& label);

// Whether one of the two emulates the other, or both the same GPU: they are no two hardware, and
// what lies between them is no noise. Takes labels and names alike.
bool IsOwnEmulation(const std::string& a, const std::string& b);

// HardwareNames, but an emulation beside its own GPU has that GPU's name: attribution, which asks
// other hardware, must not be answered by the same arithmetic.
std::map<std::string, std::string> ArithmeticNames(const Experiment& experiment);

// A line a name that several labels share: "A100: taken for one hardware: A100-80GB, NVIDIA
// A100-SXM4-80GB".
std::vector<std::string> SharedNames(const Experiment& experiment);

struct HardwareGroup {
  std::string name;
  std::vector<const Configuration*> configurations;  // as listed
  const Configuration* baseline = nullptr;
  bool baseline_is_substitute = false;  // experiment 0's value is known, and not among them
};

// One group a hardware (HardwareNames), in the order in which they first appear. A config_id that
// is listed again is left out: which configuration its runs belong to would be a guess. Its
// baseline is the configuration with experiment 0's value of the variable or, where none has it,
// the first. `experiment` outlives the result.
std::vector<HardwareGroup> GroupByHardware(const Experiment& experiment);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ANALYSIS_HARDWARE_H_
