#include "runner/flags.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "runner/engine/emulated_language_model.h"
#include "runner/experiment_spec.h"
#include "runner/ops/attention.h"
#include "runner/parallel/rank_environment.h"
#include "schema/command_line.h"
#include "schema/run_directory.h"
#include "tools/cpp/runfiles/runfiles.h"

ABSL_FLAG(
    std::string, model, "",
    "checkpoint directory as published (config.json, *.safetensors, tokenizer.json); default: "
    "the small model that comes along");
ABSL_FLAG(std::string, model_gptq, "",
          "the same model in GPTQ format, for configurations with quant_method gptq; default: the "
          "small one, unless --model is given");
ABSL_FLAG(std::string, model_bnb, "",
          "the same in bitsandbytes NF4 format, for quant_method bnb; default likewise");
ABSL_FLAG(std::string, compiled_packages, "",
          "folder of compiled packages, as //runner/compile:build_packages writes it; default: "
          "those of the small model, where they come along (exp2)");
ABSL_FLAG(bool, decode_graph, true,
          "on a GPU, decode by the captured graph of own kernels where there is one; false: by the "
          "same kernels as compiled parts have around them, for a reference of experiment 2 that "
          "differs from it by the compiler alone");
ABSL_FLAG(std::string, document, "",
          "PDF or .txt that the prompt is cut from; default: the document that comes along");
ABSL_FLAG(std::vector<std::string>, neighbour, {},
          "PDF or .txt of each other sequence in a batch, comma-separated or given several times; "
          "cut to the prompt's length; default: the other documents that come along");
ABSL_FLAG(int, document_tokens, 0,
          "exact length of the document in the prompt; 0: as the spec says (6000)");
ABSL_FLAG(std::string, prompt_tokens, "",
          "file with a JSON array of token ids, which replaces document and chat template");
ABSL_FLAG(int, decode_steps, 0,
          "forward passes that yield a token, the prefill included; 0: as the spec says (30)");
ABSL_FLAG(int, repetitions, 0, "repetitions that must agree bit for bit; 0: as the spec says (3)");
ABSL_FLAG(std::string, device, "", "cpu or cuda; empty: as the spec says (cpu)");
ABSL_FLAG(int, gpu, 0,
          "with --device=cuda, which of the GPUs that the driver shows; of ranks the first one's, "
          "the others take those after it");
ABSL_FLAG(std::string, dtype, "",
          "float32 or bfloat16; empty: bfloat16 on GPUs and emulated ones, else as the spec says "
          "(float32)");
ABSL_FLAG(std::string, attention_impl, "",
          "flash_attention_2 or eager; beyond the plan on a CPU flash_attention_libtorch or "
          "flash_attention_portable (own kernels: the same bits on every instruction set, and "
          "faster), on a GPU cudnn; empty: as the spec says (flash_attention_2)");
ABSL_FLAG(int, threads, 0, "threads; 0: one for each processor");
ABSL_FLAG(
    std::string, cpu_isa, "",
    "avx2, avx512 or amx: libtorch uses no later instruction set, and the hardware label says so; "
    "another class of hardware on the same machine. bfloat16 with avx2 falls to slow kernels; "
    "empty: whatever the CPU has");
ABSL_FLAG(std::string, output, forensics::schema::kResultsFolder, "folder of results");
ABSL_FLAG(
    std::string, hardware, "",
    absl::StrCat("hardware label, such as A100-80GB (config ids shorten it to A100); ",
                 forensics::runner::EmulatedGpus(),
                 " compute on the CPU in that GPU's arithmetic; empty: the name of the device"));
ABSL_FLAG(std::string, provider, "", "who rents out the machine, such as RunPod");
ABSL_FLAG(std::string, reference, "",
          "run directory whose generated tokens are fed (forced decoding)");
ABSL_FLAG(std::string, decoding, "",
          "free: greedy; forced: the reference's tokens; empty: forced where there is a reference");
ABSL_FLAG(std::string, enable_thinking, "",
          "true or false for the chat template's switch; empty: as it renders by default");
ABSL_FLAG(std::vector<std::string>, only, {},
          "suffixes of the configurations to run, such as tp2,ep4; empty: all");
ABSL_FLAG(
    int, master_port, 0,
    "port where ranks that are started here meet; 0: a free one. Under torchrun or srun theirs "
    "is taken");
ABSL_FLAG(int, rank_timeout, 300,
          "seconds that a rank waits for another before the run ends with an error that names it");
ABSL_FLAG(bool, resume, true, "keep the finished repetitions of an unfinished run");
ABSL_FLAG(bool, overwrite, false, "run again what is finished");
ABSL_FLAG(bool, allow_missing, false, "exit with 0 although a configuration could not be had here");
ABSL_FLAG(
    std::string, inject_bit_flip, "",
    "REPETITION:STEP:LAYER:ELEMENT, all from 0: plant a one-bit fault in the residual stream, "
    "to see that it is found");

namespace forensics::runner {
namespace {

absl::StatusOr<std::string> BundledFile(const std::string& program, const std::string& path) {
  using bazel::tools::cpp::runfiles::Runfiles;
  std::string error;
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(program, &error));
  if (runfiles != nullptr) {
    const std::string found = runfiles->Rlocation("floating_point_forensics/" + path);
    if (std::filesystem::exists(found)) return found;
  }
  return absl::NotFoundError(absl::StrCat(
      path, ": not beside this program; name one with --model=DIR and --document=FILE"));
}

// Directory of a checkpoint that comes along, such as "awq".
absl::StatusOr<std::string> BundledModel(const std::string& program, const char* folder) {
  auto config =
      BundledFile(program, absl::StrCat("testdata/mini_qwen3_moe/", folder, "/config.json"));
  if (!config.ok()) return config;
  return std::filesystem::path(*config).parent_path().string();
}

// The reference's checkpoint, and where it is the small one, its other formats. Formats that are
// not beside this program stay empty: whether one is missed depends on the experiment.
absl::Status FindModels(const std::string& program, RunnerOptions& options) {
  options.model = schema::UserPath(absl::GetFlag(FLAGS_model));
  options.quantized_models = {{"gptq", schema::UserPath(absl::GetFlag(FLAGS_model_gptq))},
                              {"bnb", schema::UserPath(absl::GetFlag(FLAGS_model_bnb))}};
  if (!options.model.empty()) return absl::OkStatus();
  auto reference = BundledModel(program, "awq");
  if (!reference.ok()) return reference.status();
  options.model = *std::move(reference);
  for (const auto& [quant_method, folder] : {std::pair{"gptq", "gptq"}, {"bnb", "bnb_nf4"}}) {
    std::string& directory = options.quantized_models[quant_method];
    if (directory.empty()) directory = BundledModel(program, folder).value_or("");
  }
  return absl::OkStatus();
}

// The programs for other CUDA versions that `spec` has in mind and that come along; see
// experiment.bzl. What is not there is missed when its turn comes.
void FindOtherBuilds(const std::string& program, const schema::ExperimentSpec& spec,
                     RunnerOptions& options) {
  for (const Configuration& configuration : ConfigurationsOf(spec)) {
    const std::string& version = configuration.config.cuda_version();
    const auto found =
        BundledFile(program, absl::StrCat("runner/exp", spec.id(), "_cuda_", version));
    if (found.ok()) options.other_builds[version] = *found;
  }
}

// Empty where none come along: whether they are missed depends on the experiment.
std::string FindCompiledPackages(const std::string& program) {
  const std::string folder = schema::UserPath(absl::GetFlag(FLAGS_compiled_packages));
  if (!folder.empty()) return folder;
  return BundledFile(program, "runner/compile/mini_packages").value_or("");
}

// Flags that take a number: 0 keeps the spec's.
absl::Status Override(const char* name, int value, absl::FunctionRef<void(int)> set) {
  if (value < 0) return schema::UsageError(absl::StrCat("--", name, " must not be negative"));
  if (value > 0) set(value);
  return absl::OkStatus();
}

// The GPU whose arithmetic --hardware asks for on the CPU.
absl::StatusOr<std::optional<TensorCore>> EmulatedCore() {
  auto emulated = EmulatedGpu(absl::GetFlag(FLAGS_hardware));
  if (emulated.ok()) return emulated;
  return schema::UsageError(absl::StrCat("--hardware: ", emulated.status().message()));
}

// What is asked for beside an emulated GPU and would not be done.
absl::Status CheckEmulation(const std::vector<std::string>& arguments) {
  const auto core = EmulatedCore();
  if (!core.ok() || !core->has_value()) return core.status();
  if (!absl::GetFlag(FLAGS_cpu_isa).empty()) {
    return schema::UsageError(
        "--cpu_isa and --hardware=emulated:... contradict each other: a GPU's bits do not depend "
        "on "
        "the CPU's instruction set");
  }
  if ((*core)->has_decode_step || !absl::GetFlag(FLAGS_decode_graph)) return absl::OkStatus();
  for (const std::string& argument : arguments) {
    const absl::string_view flag = absl::StripPrefix(absl::StripPrefix(argument, "-"), "-");
    if (!absl::StartsWith(flag, "decode_graph")) continue;  // its default is no wish
    return schema::UsageError(
        absl::StrCat("--decode_graph: there is no captured step for ", (*core)->gpu));
  }
  return absl::OkStatus();
}

// Device and dtype. Models are stored in 16 bits, and GPUs are made for them.
absl::Status SetDevice(schema::RunConfig& config) {
  const std::string device = absl::GetFlag(FLAGS_device), dtype = absl::GetFlag(FLAGS_dtype);
  if (!device.empty() && device != "cpu" && device != "cuda") {
    return schema::UsageError(absl::StrCat("--device: '", device, "' is neither cpu nor cuda"));
  }
  if (!dtype.empty() && dtype != "float32" && dtype != "bfloat16") {
    return schema::UsageError(
        absl::StrCat("--dtype: '", dtype, "' is neither float32 nor bfloat16"));
  }
  if (!device.empty()) config.set_device(device);
  const auto core = EmulatedCore();
  if (!core.ok()) return core.status();
  const bool is_emulated = core->has_value();
  if (is_emulated && device == "cuda") {
    return schema::UsageError(
        "--hardware=emulated:... computes on the CPU, not with --device=cuda");
  }
  if (device == "cuda" || is_emulated) config.set_dtype("bfloat16");
  if (!dtype.empty()) config.set_dtype(dtype);
  if (config.device() != "cuda" && absl::GetFlag(FLAGS_gpu) != 0) {
    return schema::UsageError("--gpu needs --device=cuda");
  }
  if (config.device() == "cuda" && !absl::GetFlag(FLAGS_cpu_isa).empty()) {
    return schema::UsageError("--cpu_isa and --device=cuda contradict each other");
  }
  return absl::OkStatus();
}

// One of kExperimentSpecs with the changes that flags ask for.
absl::StatusOr<schema::ExperimentSpec> SpecFromFlags(const char* textproto) {
  absl::StatusOr<schema::ExperimentSpec> spec = ParseExperimentSpec(textproto);
  if (!spec.ok()) return spec;
  absl::Status status =
      Override("document_tokens", absl::GetFlag(FLAGS_document_tokens),
               [&](int value) { spec->mutable_prompt()->set_document_tokens(value); });
  if (status.ok()) {
    status = Override("decode_steps", absl::GetFlag(FLAGS_decode_steps),
                      [&](int value) { spec->set_decode_steps(value); });
  }
  if (status.ok()) {
    status = Override("repetitions", absl::GetFlag(FLAGS_repetitions),
                      [&](int value) { spec->set_repetitions(value); });
  }
  if (status.ok()) status = SetDevice(*spec->mutable_reference_config());
  if (!status.ok()) return status;
  const std::string attention = absl::GetFlag(FLAGS_attention_impl);
  if (attention.empty()) return spec;
  const absl::StatusOr<AttentionImpl> found =
      FindAttention(attention, spec->reference_config().device() == "cuda" ? at::kCUDA : at::kCPU);
  if (!found.ok()) return schema::UsageError(found.status().message());
  spec->mutable_reference_config()->set_attention_impl(attention);
  return spec;
}

absl::Status SetSwitches(RunnerOptions& options) {
  const std::string decoding = absl::GetFlag(FLAGS_decoding);
  if (decoding == "free") {
    options.decoding = Decoding::kFree;
  } else if (decoding == "forced") {
    options.decoding = Decoding::kForced;
  } else if (!decoding.empty()) {
    return schema::UsageError(
        absl::StrCat("--decoding: '", decoding, "' is neither free nor forced"));
  }
  const std::string thinking = absl::GetFlag(FLAGS_enable_thinking);
  if (thinking == "true" || thinking == "false") {
    options.enable_thinking = thinking == "true";
  } else if (!thinking.empty()) {
    return schema::UsageError(
        absl::StrCat("--enable_thinking: '", thinking, "' is neither true nor false"));
  }
  constexpr int kMostThreads = 1024;
  if (absl::GetFlag(FLAGS_threads) < 0 || absl::GetFlag(FLAGS_threads) > kMostThreads) {
    return schema::UsageError(absl::StrCat("--threads: expected 0 to ", kMostThreads, ", found ",
                                           absl::GetFlag(FLAGS_threads)));
  }
  constexpr int kMostPort = 65535;
  if (absl::GetFlag(FLAGS_master_port) < 0 || absl::GetFlag(FLAGS_master_port) > kMostPort) {
    return schema::UsageError(absl::StrCat("--master_port: expected 0 to ", kMostPort, ", found ",
                                           absl::GetFlag(FLAGS_master_port)));
  }
  if (absl::GetFlag(FLAGS_rank_timeout) < 1) {
    return schema::UsageError("--rank_timeout must be at least 1 second");
  }
  if (options.decoding == Decoding::kFree && !options.reference.empty()) {
    return schema::UsageError("--decoding=free and --reference contradict each other");
  }
  if (!options.prompt_tokens.empty() && !absl::GetFlag(FLAGS_document).empty()) {
    return schema::UsageError("--prompt_tokens and --document contradict each other");
  }
  return absl::OkStatus();
}

absl::Status SetRanks(RunnerOptions& options) {
  options.only = absl::GetFlag(FLAGS_only);
  options.master_port = absl::GetFlag(FLAGS_master_port);
  options.rank_timeout = std::chrono::seconds(absl::GetFlag(FLAGS_rank_timeout));
  auto ranks = ReadRankEnvironment([](const char* name) { return std::getenv(name); });
  if (!ranks.ok()) return ranks.status();
  if (ranks->has_value() && (*ranks)->world_size > 1) options.ranks = **ranks;
  return absl::OkStatus();
}

// Those that come along, where the user names none: whether they are missed depends on the batch.
std::vector<std::string> FindNeighbours(const std::string& program) {
  std::vector<std::string> neighbours;
  for (const std::string& path : absl::GetFlag(FLAGS_neighbour)) {
    neighbours.push_back(schema::UserPath(path));
  }
  if (!neighbours.empty()) return neighbours;
  for (const char* name : {"doc1.pdf", "doc2.pdf", "doc3.pdf"}) {
    auto path = BundledFile(program, absl::StrCat("testdata/mini_qwen3_moe/documents/", name));
    if (path.ok()) neighbours.push_back(*std::move(path));
  }
  return neighbours;
}

absl::StatusOr<RunnerOptions> OptionsFor(const std::vector<std::string>& arguments) {
  const std::string& program = arguments[0];
  RunnerOptions options;
  options.arguments = arguments;
  if (absl::GetFlag(FLAGS_output).empty()) {
    return schema::UsageError("--output must not be empty");
  }
  options.prompt_tokens = schema::UserPath(absl::GetFlag(FLAGS_prompt_tokens));
  options.output = schema::UserPath(absl::GetFlag(FLAGS_output));
  options.reference = schema::UserPath(absl::GetFlag(FLAGS_reference));
  options.hardware = absl::GetFlag(FLAGS_hardware);
  options.cpu_isa = absl::GetFlag(FLAGS_cpu_isa);
  options.provider = absl::GetFlag(FLAGS_provider);
  options.threads = absl::GetFlag(FLAGS_threads);
  options.resume = absl::GetFlag(FLAGS_resume);
  options.overwrite = absl::GetFlag(FLAGS_overwrite);
  options.inject_bit_flip = absl::GetFlag(FLAGS_inject_bit_flip);
  if (absl::Status status = CheckEmulation(arguments); !status.ok()) return status;
  if (absl::Status status = SetSwitches(options); !status.ok()) return status;
  if (absl::Status status = SetRanks(options); !status.ok()) return status;

  if (absl::Status status = FindModels(program, options); !status.ok()) return status;
  options.neighbours = FindNeighbours(program);
  options.compiled_packages = FindCompiledPackages(program);
  options.decode_graph = absl::GetFlag(FLAGS_decode_graph);
  if (!options.prompt_tokens.empty()) return options;
  options.document = schema::UserPath(absl::GetFlag(FLAGS_document));
  if (!options.document.empty()) return options;
  auto document = BundledFile(program, "testdata/mini_qwen3_moe/documents/doc0.pdf");
  if (!document.ok()) return document.status();
  options.document = *std::move(document);
  return options;
}

// A misspelt suffix would otherwise run nothing, and look like success.
absl::Status CheckOnly(const std::vector<schema::ExperimentSpec>& specs,
                       const std::vector<std::string>& only) {
  std::vector<std::string> known;
  for (const schema::ExperimentSpec& spec : specs) {
    for (const Configuration& configuration : ConfigurationsOf(spec)) {
      known.push_back(configuration.suffix);
    }
  }
  for (const std::string& suffix : only) {
    if (std::find(known.begin(), known.end(), suffix) != known.end()) continue;
    return schema::UsageError(
        absl::StrCat("--only: '", suffix, "' is none of ", absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<schema::ExperimentSpec>> SpecsFromFlags() {
  std::vector<schema::ExperimentSpec> specs;
  for (const char* const* textproto = kExperimentSpecs; *textproto != nullptr; ++textproto) {
    absl::StatusOr<schema::ExperimentSpec> spec = SpecFromFlags(*textproto);
    if (!spec.ok()) return spec.status();
    specs.push_back(*std::move(spec));
  }
  return specs;
}

absl::StatusOr<RunnerOptions> OptionsFromFlags(const std::vector<std::string>& arguments,
                                               const std::vector<schema::ExperimentSpec>& specs) {
  absl::StatusOr<RunnerOptions> options = OptionsFor(arguments);
  if (!options.ok()) return options;
  if (absl::Status status = CheckOnly(specs, options->only); !status.ok()) return status;
  for (const schema::ExperimentSpec& spec : specs) {
    FindOtherBuilds(arguments.front(), spec, *options);
  }
  return options;
}

}  // namespace forensics::runner
