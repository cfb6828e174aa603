// Opening a checkpoint of Qwen3-30B-A3B-AWQ's size: 18,624 packed layers, 56,115 tensors. The
// weight file is sparse, 17 GB of zeros that take no space, as opening reads nothing but the
// header.
//
//   ./bazelw run //runner/checkpoint:checkpoint_benchmark
#include <benchmark/benchmark.h>

#include <filesystem>
#include <string>

#include "absl/strings/string_view.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"
#include "runner/checkpoint/testing/json_text.h"

namespace forensics::runner {
namespace {

ModelConfig Qwen3Moe30B() {
  ModelConfig config = TinyAwqConfig(Architecture::kQwen3Moe);
  config.vocab_size = 151936;
  config.hidden_size = 2048;
  config.num_hidden_layers = 48;
  config.num_attention_heads = 32;
  config.num_key_value_heads = 4;
  config.head_dim = 128;
  config.intermediate_size = 6144;
  config.num_experts = 128;
  config.num_experts_per_tok = 8;
  config.moe_intermediate_size = 768;
  config.is_moe_layer.assign(48, true);
  config.quant.group_size = 128;
  return config;
}

// Writes a model.safetensors whose data are a hole in the file.
void WriteSparse(const TensorRegistry& registry, const std::string& path) {
  JsonText header;
  int64_t end = 0;
  for (const auto& [name, tensor] : registry.tensors) {
    const bool packed = tensor.storage == Storage::kInt32;
    int64_t bytes = packed ? 4 : 2;
    for (int64_t size : tensor.shape) bytes *= size;
    header.Object(name, [&, &shape = tensor.shape] {
      header.String("dtype", packed ? "I32" : "F16");
      header.Ints("shape", shape);
      header.Ints("data_offsets", {end, end + bytes});
    });
    end += bytes;
  }
  const std::string bytes = SafetensorsBytes(header.Finish(), "");
  if (WriteFile(path, bytes).ok()) std::filesystem::resize_file(path, bytes.size() + end);
}

void BM_Open(benchmark::State& state) {
  const std::string directory = std::filesystem::temp_directory_path() / "checkpoint_benchmark";
  const ModelConfig config = Qwen3Moe30B();
  const auto registry = BuildTensorRegistry(config, [](absl::string_view) { return false; });
  if (!registry.ok() || !WriteCheckpoint(directory, ConfigJson(config), {}).ok()) {
    return state.SkipWithError("cannot write the checkpoint");
  }
  WriteSparse(*registry, directory + "/model.safetensors");
  for (auto _ : state) {
    const auto checkpoint = Checkpoint::Open(directory);
    if (!checkpoint.ok()) {
      state.SkipWithError(checkpoint.status().ToString().c_str());
      break;
    }
  }
  state.counters["tensors"] = static_cast<double>(registry->tensors.size());
  std::filesystem::remove_all(directory);
}

BENCHMARK(BM_Open)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace forensics::runner

BENCHMARK_MAIN();
