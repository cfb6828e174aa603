// Opening a checkpoint of Qwen3-30B-A3B's size in each 4-bit format: 18,624 packed layers; 56,115
// tensors in AWQ. The weight file is sparse, 17 GB of zeros that take no space, as opening reads
// nothing but the header and, of NF4, the layers' layouts.
//
//   ./bazelw run //runner/checkpoint:checkpoint_benchmark
#include <ATen/core/Tensor.h>
#include <benchmark/benchmark.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/checkpoint/json_text.h"
#include "runner/checkpoint/tensor_registry.h"
#include "runner/checkpoint/testing/checkpoint_writer.h"
#include "runner/checkpoint/testing/random_tensors.h"

namespace forensics::runner {
namespace {

ModelConfig Qwen3Moe30B(QuantMethod method) {
  ModelConfig config = TinyPackedConfig(Architecture::kQwen3Moe, method);
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
  if (method != QuantMethod::kBnbNf4) config.quant.group_size = 128;
  return config;
}

struct Stored {
  const char* dtype;
  int64_t bytes;  // of an element
};

Stored StoredAs(Storage storage) {
  switch (storage) {
    case Storage::kFloat:
      return {"F16", 2};
    case Storage::kFloat32:
      return {"F32", 4};
    case Storage::kInt32:
      return {"I32", 4};
    case Storage::kByte:
      return {"U8", 1};
  }
  return {"", 0};
}

// The layout of the NF4 weight that `name`, a tensor of its own, is beside.
std::string LayoutJson(const TensorRegistry& registry, const std::string& name) {
  const LinearLayer& layer =
      registry.linear_layers.at(name.substr(0, name.size() - kNf4LayoutSuffix.size()));
  const at::Tensor state = Nf4State(layer.out_features, layer.in_features, 0.2);
  return {static_cast<const char*>(state.const_data_ptr()), state.nbytes()};
}

// Writes a model.safetensors whose data are a hole in the file, but for the layouts of NF4.
void WriteSparse(const TensorRegistry& registry, const std::string& path) {
  JsonText header;
  int64_t end = 0;
  std::map<int64_t, std::string> layouts;  // by place in the data
  for (const auto& [name, tensor] : registry.tensors) {
    std::vector<int64_t> shape = tensor.shape;
    if (absl::EndsWith(name, kNf4LayoutSuffix)) {
      layouts[end] = LayoutJson(registry, name);
      shape = {static_cast<int64_t>(layouts[end].size())};
    }
    int64_t bytes = StoredAs(tensor.storage).bytes;
    for (int64_t size : shape) bytes *= size;
    header.Object(name, [&, storage = tensor.storage] {
      header.String("dtype", StoredAs(storage).dtype);
      header.Ints("shape", shape);
      header.Ints("data_offsets", {end, end + bytes});
    });
    end += bytes;
  }
  const std::string bytes = SafetensorsBytes(header.Finish(), "");
  if (!WriteFile(path, bytes).ok()) return;
  std::filesystem::resize_file(path, bytes.size() + end);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  for (const auto& [place, layout] : layouts) {
    file.seekp(static_cast<std::streamoff>(bytes.size()) + place);
    file << layout;
  }
}

void BM_Open(benchmark::State& state, QuantMethod method) {
  const std::string directory = std::filesystem::temp_directory_path() / "checkpoint_benchmark";
  const ModelConfig config = Qwen3Moe30B(method);
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

BENCHMARK_CAPTURE(BM_Open, awq, QuantMethod::kAwq)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Open, gptq, QuantMethod::kGptq)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Open, nf4, QuantMethod::kBnbNf4)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace forensics::runner

BENCHMARK_MAIN();
