// What the runner's experiments are made of, without the runner.
#ifndef PODS_CONFIGURATIONS_H_
#define PODS_CONFIGURATIONS_H_

#include <string>
#include <vector>

namespace forensics::pods {

inline constexpr int kQuantization = 3, kCudaVersion = 6, kTensorParallel = 7, kExpertParallel = 8;
inline constexpr int kLastExperiment = 8;

// The suffixes of the configurations that experiment `id`, of 0 to kLastExperiment, runs: as in
// runner/experiments/*.textproto. The reference under another name is not among them.
const std::vector<std::string>& ConfigurationsOf(int id);

// "cu118" of "11.8"
std::string CudaSuffix(const std::string& version);

}  // namespace forensics::pods

#endif  // PODS_CONFIGURATIONS_H_
