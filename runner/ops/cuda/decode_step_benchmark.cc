// How long a decode step of Qwen3-30B-A3B takes with random weights, and where the time goes. To be
// carried to a machine with a GPU and an installed torch:
//
//   bazel build //runner/ops/cuda:decode_step_benchmark.stripped
//
// Arguments: batch sizes; 1 2 4 where none is given. Prints medians by CUDA events of replays of a
// graph, how many of them left other logits than the first, the time of each phase of the layers'
// kernel (of its first block), and the time that a copy of as many bytes would take.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <vector>

#include "absl/functional/function_ref.h"
#include "runner/cuda/graph.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"
#include "runner/ops/cuda/decode_step.h"
#include "runner/ops/cuda/decode_test_model.h"

namespace forensics::runner {
namespace {

constexpr int64_t kLayers = 48, kContext = 6144;
constexpr int kReplays = 50;

// Microseconds, the median over kReplays calls of `enqueue`, after three.
double MedianMicroseconds(
    absl::FunctionRef<void()> enqueue, absl::FunctionRef<void()> after = [] {}) {
  const c10::impl::VirtualGuardImpl guard(c10::kCUDA);
  const c10::Stream stream = guard.getStream(guard.getDevice());
  std::vector<double> times;
  for (int i = -3; i < kReplays; ++i) {
    c10::Event begin(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
    c10::Event end(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
    begin.record(stream);
    enqueue();
    end.record(stream);
    end.synchronize();
    if (i >= 0) times.push_back(begin.elapsedTime(end) * 1e3);
    after();
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Bytes a second, read and written.
double CopyBandwidth() {
  const at::TensorOptions bytes = at::TensorOptions(at::kCUDA).dtype(at::kByte);
  const at::Tensor from = at::zeros({int64_t{4} << 30}, bytes);
  at::Tensor to = at::empty_like(from);
  return 2e6 * static_cast<double>(from.numel()) / MedianMicroseconds([&] { to.copy_(from); });
}

double Bytes(const QuantizedWeight& w) {
  return static_cast<double>(w.tiles.nbytes() + w.scales.nbytes()) / static_cast<double>(w.count);
}

// What a step must read: each weight of a chosen expert once, the cache up to the position.
double StepBytes(const DecodeTensors& m) {
  double bytes = static_cast<double>(m.lm_head.nbytes());
  for (const DecodeLayerTensors& layer : m.layers) {
    const at::Tensor ids = layer.expert_ids.cpu();
    const std::set<int32_t> chosen(ids.const_data_ptr<int32_t>(),
                                   ids.const_data_ptr<int32_t>() + ids.numel());
    bytes += Bytes(layer.qkv) + Bytes(layer.o_proj) + static_cast<double>(layer.router.nbytes());
    bytes += static_cast<double>(chosen.size()) * (Bytes(layer.gate_up) + Bytes(layer.down));
    const double rows = static_cast<double>(kContext) / static_cast<double>(layer.keys.size(2));
    bytes += 2 * rows * static_cast<double>(layer.keys.nbytes());
  }
  return bytes;
}

// `layers_us`: of the kernel, to turn its cycles into time.
void PrintPhases(const at::Tensor& clocks, double layers_us) {
  constexpr const char* kNames[kDecodePhases] = {"qkv",    "attention", "combine", "o_proj",
                                                 "router", "gate_up",   "down"};
  const at::Tensor host = clocks.cpu();
  const int64_t* at = host.const_data_ptr<int64_t>();
  const int64_t steps = (kLayers - 1) * kDecodePhases;  // the last layer's end is not known
  const double total = static_cast<double>(at[steps] - at[0]);
  const double us_a_cycle = layers_us * (kLayers - 1) / kLayers / total;
  for (int phase = 0; phase < kDecodePhases; ++phase) {
    double cycles = 0;
    for (int64_t i = phase; i < steps; i += kDecodePhases) {
      cycles += static_cast<double>(at[i + 1] - at[i]);
    }
    std::printf("  %-10s %6.2f us a layer\n", kNames[phase], cycles * us_a_cycle / (kLayers - 1));
  }
}

void Measure(int64_t batch, double bandwidth) {
  TestModelOptions options;
  options.dims = Qwen3_30bDims();
  options.layers = kLayers;
  options.batch = batch;
  options.position = kContext;
  options.capacity = kContext + 256;
  const DecodeTensors m = MakeTestModel(options);
  DecodeStep step(m);
  step.Launch();
  const at::Tensor first = m.logits.clone();
  const auto graph = CudaGraph::Capture([&] { step.Launch(); });
  int different = 0;
  const double step_us = MedianMicroseconds(
      [&] { graph->Replay(); },
      [&] { different += !at::equal(m.logits.view(at::kShort), first.view(at::kShort)); });
  const double copy_us = StepBytes(m) / bandwidth * 1e6;
  std::printf("batch %d: %.1f us a step; roofline %.1f us (%.2f GB), ratio %.2f; NR %d/%d\n",
              static_cast<int>(batch), step_us, copy_us, StepBytes(m) * 1e-9, step_us / copy_us,
              different, kReplays + 3);
  const auto part = [&](const char* name, absl::FunctionRef<void()> launch) {
    const auto captured = CudaGraph::Capture(launch);
    const double us = MedianMicroseconds([&] { captured->Replay(); });
    std::printf("  %-10s %6.1f us\n", name, us);
    return us;
  };
  part("begin", [&] { step.LaunchBegin(); });
  part("lm_head", [&] { step.LaunchLmHead(); });
  const double begin_and_layers = part("layers", [&] {
    step.LaunchBegin();
    step.LaunchLayers();
  });
  const at::Tensor clocks =
      at::zeros({kLayers, kDecodePhases}, at::TensorOptions(at::kCUDA).dtype(at::kLong));
  step.set_clocks(clocks);
  step.Launch();
  PrintPhases(clocks, begin_and_layers);
  std::printf("  %s\n", step.Variant().c_str());
}

int Run(int argc, char** argv) {
  const auto gpu = StartCuda(0, LibtorchCudaVersion());
  if (!gpu.ok()) {
    std::fprintf(stderr, "%s\n", std::string(gpu.status().message()).c_str());
    return 1;
  }
  const double bandwidth = CopyBandwidth();
  std::printf("%s, %d SMs; copy %.2f TB/s; context %d\n", gpu->name.c_str(), gpu->sm_count,
              bandwidth * 1e-12, static_cast<int>(kContext));
  std::vector<int64_t> batches;
  for (int i = 1; i < argc; ++i) batches.push_back(std::atoi(argv[i]));
  if (batches.empty()) batches = {1, 2, 4};
  for (const int64_t batch : batches) Measure(batch, bandwidth);
  return 0;
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) { return forensics::runner::Run(argc, argv); }
