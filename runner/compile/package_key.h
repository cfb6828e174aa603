// Which compiled package belongs to which model.
#ifndef RUNNER_COMPILE_PACKAGE_KEY_H_
#define RUNNER_COMPILE_PACKAGE_KEY_H_

#include <cstdint>
#include <set>
#include <string>

#include "runner/checkpoint/model_config.h"
#include "runner/parallel/sharding.h"

namespace forensics::runner {

// Everything of a model that its compiled regions have built in (regions.py); weights are inputs,
// so that one package serves all layers and all checkpoints of these dimensions.
struct PackageKey {
  std::string device = "cpu";  // or CudaDevice()
  std::string dtype;           // "float32", "bfloat16"
  int64_t hidden = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  bool qk_norm = false;
  double eps = 0;
  int64_t experts = 0;  // 0: no layer has experts
  int64_t slots = 0;    // experts a token
  bool normalise = false;
  std::set<int64_t> widths;  // of the MLPs: an expert's, a dense layer's
  int tp_size = 1;           // that heads and widths were cut by; no dimension itself

  // Of the part of the model that `sharding` leaves to its rank.
  static PackageKey Of(const ModelConfig& config, const Sharding& sharding,
                       const std::string& dtype);

  // "hidden=256 heads=8 ... widths=128": what regions.py is given and an index holds. Without
  // device and dtype.
  std::string Dims() const;

  bool IsForCpu() const { return device == "cpu"; }

  // GPUs of one compute capability, as `device`: "cuda sm_90".
  static std::string CudaDevice(int major, int minor);
};

}  // namespace forensics::runner

#endif  // RUNNER_COMPILE_PACKAGE_KEY_H_
