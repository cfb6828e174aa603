// What this runs on, and the settings that make it repeat itself.
#ifndef RUNNER_ENGINE_MACHINE_H_
#define RUNNER_ENGINE_MACHINE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "schema/run.pb.h"

namespace forensics::runner {

// The CPU's label: its name without marketing, and the instruction set that libtorch uses, such as
// "AMD EPYC 9654 AVX512". `cpuinfo` is the text of /proc/cpuinfo.
std::string CpuLabel(absl::string_view cpuinfo, absl::string_view capability);

// What stands for the instruction set in the label of a CPU that is not limited: ATen's capability,
// but "AMX" where the CPU has it, as oneDNN uses it there and ATen does not say so.
std::string UnlimitedLabel(absl::string_view capability, absl::string_view cpuinfo);

// CpuLabel of this machine, limited to `cpu_isa` (see instruction_set.h) unless that is empty.
std::string ThisCpuLabel(absl::string_view cpu_isa);

// How many processors this process may use.
int AvailableProcessors();

// Switches libtorch to deterministic algorithms, no reduced-precision products (TF32, sums of
// 16-bit products in 16 bits), and `threads` threads (0: one for each processor that this process
// may use). Before the first tensor operation.
void MakeDeterministic(int threads);

// Everything about machine and library that can change bits: "threads", "cpu_capability", "mkl",
// "onednn", "deterministic_algorithms", and those environment variables that change libraries'
// choices, where set.
std::map<std::string, std::string> MachineSettings();

// What libtorch was told about products on GPUs: "tf32", "fp16_reduced_precision_reduction",
// "bf16_reduced_precision_reduction", "cudnn_benchmark", "cudnn_deterministic".
std::map<std::string, std::string> CudaSettings();

// The CUDA version that this program's libtorch is built for, such as "13.0".
const char* LibtorchCudaVersion();

// Of libtorch, of the CUDA that it is built for, and of this program: the start of its file's
// SHA-256.
schema::Versions ThisVersions();

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_MACHINE_H_
