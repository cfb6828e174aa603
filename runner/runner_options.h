// What the user asked for beside the experiment itself.
#ifndef RUNNER_RUNNER_OPTIONS_H_
#define RUNNER_RUNNER_OPTIONS_H_

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runner/cuda/gpu.h"
#include "runner/parallel/rank_environment.h"

namespace forensics::runner {

enum class Decoding {
  kDefault,  // forced where there is a reference
  kFree,
  kForced,
};

// Paths are as the program opens them.
struct RunnerOptions {
  std::string model;                    // the reference's checkpoint directory
  std::string document;                 // PDF or text; unused with prompt_tokens
  std::vector<std::string> neighbours;  // documents of sequences 1, 2, ... in a batch
  std::string prompt_tokens;            // file with a JSON array of ids; replaces the document
  std::string output;                   // folder of results
  std::string reference;                // run directory whose tokens are fed; may be empty
  std::string hardware;                 // label; empty: that of the device
  std::string cpu_isa;     // limit of the instruction set, already in force; empty: none
  std::optional<Gpu> gpu;  // the one to use, started already; none: the CPU is used
  std::string provider;
  std::optional<bool> enable_thinking;  // of the chat template; unset: as it renders by default
  Decoding decoding = Decoding::kDefault;
  int threads = 0;      // 0: one a processor, shared evenly among the ranks of a machine
  std::string heading;  // before what is shown of an experiment's progress, and its errors
  // Suffixes of the configurations to run; empty: all.
  std::vector<std::string> only;
  // This process's place among the ranks of a run; none: it starts ranks itself where needed.
  std::optional<RankEnvironment> ranks;
  std::chrono::milliseconds rank_timeout{300000};  // bounds every wait for another rank
  int master_port = 0;                             // where ranks started here meet; 0: a free one
  std::vector<std::string> arguments;              // of this program, its name first
  bool resume = true;
  bool overwrite = false;
  std::string inject_bit_flip;  // see BitFlip; empty: no fault is planted
  // True once the user wants to stop.
  std::function<bool()> interrupted;
  std::string compiled_packages;  // folder of what `compile` loads; may be empty
  bool decode_graph = true;       // see ModelOptions
  // By quant_method ("gptq", "bnb"), the model's checkpoint in that format; empty: there is none.
  std::map<std::string, std::string> quantized_models;
  // By cuda_version ("12.6"), the programs that are this one, built against libtorch for that CUDA.
  std::map<std::string, std::string> other_builds;
};

}  // namespace forensics::runner

#endif  // RUNNER_RUNNER_OPTIONS_H_
