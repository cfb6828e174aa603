#include "runner/engine/machine.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <gnu/libc-version.h>
#include <sched.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <type_traits>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "runner/engine/instruction_set.h"
#include "schema/digest.h"

namespace forensics::runner {
namespace {

constexpr const char* kEnvironment[] = {"ATEN_CPU_CAPABILITY",
                                        "CUBLASLT_WORKSPACE_SIZE",
                                        "CUBLAS_WORKSPACE_CONFIG",
                                        "CUDA_LAUNCH_BLOCKING",
                                        "DNNL_CPU_ISA_HINTS",
                                        "DNNL_DEFAULT_FPMATH_MODE",
                                        "DNNL_MAX_CPU_ISA",
                                        "GLIBC_TUNABLES",
                                        "GOMP_CPU_AFFINITY",
                                        "LD_LIBRARY_PATH",
                                        "LD_PRELOAD",
                                        "MKL_CBWR",
                                        "MKL_DYNAMIC",
                                        "MKL_ENABLE_INSTRUCTIONS",
                                        "MKL_NUM_THREADS",
                                        "NCCL_ALGO",
                                        "NCCL_COLLNET_ENABLE",
                                        "NCCL_MAX_CTAS",
                                        "NCCL_MAX_NCHANNELS",
                                        "NCCL_MIN_CTAS",
                                        "NCCL_MIN_NCHANNELS",
                                        "NCCL_NVLS_ENABLE",
                                        "NCCL_PROTO",
                                        "NVIDIA_TF32_OVERRIDE",
                                        "OMP_DYNAMIC",
                                        "ONEDNN_CPU_ISA_HINTS",
                                        "ONEDNN_DEFAULT_FPMATH_MODE",
                                        "ONEDNN_MAX_CPU_ISA",
                                        "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
                                        "TORCH_BLAS_PREFER_CUBLASLT"};

const char* Text(bool value) { return value ? "true" : "false"; }

// A bool in older versions of libtorch, else one of three values of which the first allows it.
template <typename Option>
bool AllowsReducedPrecision(Option option) {
  if constexpr (std::is_enum_v<Option>) return option == Option{};
  return static_cast<bool>(option);
}

bool IsMarketing(absl::string_view word) {
  return word == "CPU" || word == "Processor" || absl::EndsWith(word, "-Core") ||
         absl::EndsWith(word, "-core");
}

}  // namespace

std::string CpuLabel(absl::string_view cpuinfo, absl::string_view capability) {
  std::string name = "CPU";
  for (const absl::string_view line : absl::StrSplit(cpuinfo, '\n')) {
    const std::vector<absl::string_view> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
    if (field.size() != 2 || absl::StripAsciiWhitespace(field[0]) != "model name") continue;
    // "Intel(R) Xeon(R) Platinum 8480C CPU @ 2.00GHz": without marks and the clock.
    const std::string plain = absl::StrReplaceAll(field[1].substr(0, field[1].find('@')),
                                                  {{"(R)", " "}, {"(TM)", " "}, {"(tm)", " "}});
    std::vector<absl::string_view> words;
    for (const absl::string_view word : absl::StrSplit(plain, ' ', absl::SkipWhitespace())) {
      if (!IsMarketing(word)) words.push_back(word);
    }
    if (!words.empty()) name = absl::StrJoin(words, " ");
    break;
  }
  return absl::StrCat(name, " ", capability);
}

std::string UnlimitedLabel(absl::string_view capability, absl::string_view cpuinfo) {
  const absl::StatusOr<InstructionSet> amx = FindInstructionSet("amx");
  const bool has_amx = amx.ok() && CheckCpuHas(*amx, cpuinfo).ok();
  return std::string(has_amx && capability == "AVX512" ? amx->label : capability);
}

std::string ThisCpuLabel(absl::string_view cpu_isa) {
  const absl::StatusOr<InstructionSet> limit = FindInstructionSet(cpu_isa);
  if (limit.ok()) return CpuLabel(CpuInfo(), limit->label);
  return CpuLabel(CpuInfo(), UnlimitedLabel(at::get_cpu_capability(), CpuInfo()));
}

int AvailableProcessors() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

void MakeDeterministic(int threads) {
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  context.setDeterministicFillUninitializedMemory(false);
  context.setFloat32MatmulPrecision("highest");
  context.setAllowTF32CuDNN(false);
  context.setAllowFP16ReductionCuBLAS(false);
  context.setAllowBF16ReductionCuBLAS(false);
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  if (threads > 0) at::set_num_threads(threads);
  if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);
}

std::map<std::string, std::string> MachineSettings() {
  std::map<std::string, std::string> settings = {
      {"threads", absl::StrCat(at::get_num_threads())},
      {"cpu_capability", at::get_cpu_capability()},
      {"libc", gnu_get_libc_version()},
      {"mkl", at::globalContext().hasMKL() ? at::get_mkl_version() : "none"},
      {"onednn", at::get_mkldnn_version()},
      {"deterministic_algorithms", Text(at::globalContext().deterministicAlgorithms())},
      {"float32_matmul_precision",
       at::globalContext().float32MatmulPrecision() == at::Float32MatmulPrecision::HIGHEST
           ? "highest"
           : "reduced"},
  };
  for (const char* name : kEnvironment) {
    if (const char* value = std::getenv(name)) settings[absl::StrCat("env.", name)] = value;
  }
  return settings;
}

std::map<std::string, std::string> CudaSettings() {
  const at::Context& context = at::globalContext();
  return {{"tf32", Text(context.allowTF32CuBLAS() || context.allowTF32CuDNN())},
          {"fp16_reduced_precision_reduction",
           Text(AllowsReducedPrecision(context.allowFP16ReductionCuBLAS()))},
          {"bf16_reduced_precision_reduction",
           Text(AllowsReducedPrecision(context.allowBF16ReductionCuBLAS()))},
          {"cudnn_benchmark", Text(context.benchmarkCuDNN())},
          {"cudnn_deterministic", Text(context.deterministicCuDNN())}};
}

const char* LibtorchCudaVersion() { return FORENSICS_LIBTORCH_CUDA; }

schema::Versions ThisVersions() {
  schema::Versions versions;
  versions.set_torch(TORCH_VERSION);
  versions.set_cuda(LibtorchCudaVersion());
  const absl::StatusOr<std::string> digest = schema::Sha256HexOfFile("/proc/self/exe");
  if (digest.ok()) versions.set_runner(absl::StrCat("sha256:", digest->substr(0, 16)));
  return versions;
}

}  // namespace forensics::runner
