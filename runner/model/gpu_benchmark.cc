// What the runner reaches on a GPU beside what the GPU could: decode steps, prefill, capture and
// loading of one checkpoint, by CUDA events. docs/performance.md explains the figures.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "runner/capture/signal_recorder.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/cuda/stream.h"
#include "runner/cuda/torch_library.h"
#include "runner/engine/machine.h"
#include "runner/model/cuda_ops.h"
#include "runner/model/decode_graph.h"
#include "runner/model/decoder_model.h"
#include "runner/ops/cuda/gpu_timer.h"
#include "schema/command_line.h"

ABSL_FLAG(std::string, model, "", "checkpoint directory in a 4-bit format");
ABSL_FLAG(int, context, 6144, "tokens of the prompt, and before the decode steps");
ABSL_FLAG(std::vector<std::string>, batches, std::vector<std::string>({"1", "2", "4"}),
          "batch sizes of decoding");

namespace forensics::runner {
namespace {

constexpr char kUsage[] =
    "Measures decoding, prefill, capture and loading on a GPU.\n\n"
    "  bazel run //testdata:synthesize_checkpoint -- --output=/tmp/awq\n"
    "  bazel run --config=cuda //runner:benchmark_gpu -- --model=/tmp/awq\n";

constexpr int kLayers[] = {1, 2, 4, 12, -1};
constexpr int kSeries = 3;  // of which the median counts

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// ---- What this GPU can do --------------------------------------------------------------------

struct Ceilings {
  double bytes_per_second = 0;  // read and written, of a copy
  double flops_per_second = 0;  // of a bfloat16 product 8192^3
};

Ceilings Measure() {
  const auto bytes = at::TensorOptions(at::kCUDA).dtype(at::kByte);
  const at::Tensor from = at::empty({int64_t{1} << 31}, bytes), to = at::empty_like(from);
  const auto bf16 = at::TensorOptions(at::kCUDA).dtype(at::kBFloat16);
  const at::Tensor a = at::randn({8192, 8192}, bf16), b = at::randn({8192, 8192}, bf16);
  at::Tensor c = at::empty({8192, 8192}, bf16);
  Ceilings ceilings;
  ceilings.bytes_per_second =
      2.0 * static_cast<double>(from.nbytes()) / GpuSeconds(4, [&](int) { to.copy_(from); });
  ceilings.flops_per_second =
      2.0 * 8192 * 8192 * 8192 / GpuSeconds(4, [&](int) { at::mm_out(c, a, b); });
  return ceilings;
}

// Fewest bytes that a decode step reads: 4-bit weights with their scales, the experts that
// `batch` tokens with distinct choices take, the cache, the head.
double DecodeBytes(const ModelConfig& c, int64_t batch, int64_t context) {
  const double bytes_a_weight = 0.5 + 4.0 / 128;
  const double heads = static_cast<double>(c.num_attention_heads + 2 * c.num_key_value_heads);
  const double dim = static_cast<double>(c.head_dim), hidden = static_cast<double>(c.hidden_size);
  const double attention = (heads + static_cast<double>(c.num_attention_heads)) * dim * hidden;
  const double expert = 3 * hidden * static_cast<double>(c.moe_intermediate_size);
  // Of `experts`, so many are expected to be taken by at least one of `batch` uniform choices.
  const double experts = static_cast<double>(c.num_experts);
  double missed = 1;
  for (int64_t i = 0; i < batch; ++i) {
    missed *= 1 - static_cast<double>(c.num_experts_per_tok) / experts;
  }
  const double weights = bytes_a_weight * (attention + experts * (1 - missed) * expert);
  const double router = 2 * experts * hidden;
  const double cache = 2.0 * 2 * static_cast<double>(batch * context * c.num_key_value_heads) * dim;
  return static_cast<double>(c.num_hidden_layers) * (weights + router + cache) +
         2 * static_cast<double>(c.vocab_size) * hidden;
}

// Multiplications and additions of a prefill; causal attention counts half of the square.
double PrefillFlops(const ModelConfig& c, double tokens) {
  const double dim = static_cast<double>(c.head_dim), hidden = static_cast<double>(c.hidden_size);
  const double heads = static_cast<double>(c.num_attention_heads);
  const double projections =
      (2 * heads + 2 * static_cast<double>(c.num_key_value_heads)) * dim * hidden;
  const double experts = 3 * static_cast<double>(c.num_experts_per_tok) * hidden *
                         static_cast<double>(c.moe_intermediate_size);
  const double attention = heads * dim * tokens;  // 2 products of tokens / 2 columns
  return 2 * tokens * static_cast<double>(c.num_hidden_layers) *
         (projections + experts + static_cast<double>(c.num_experts) * hidden + attention);
}

// ---- The model -------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<DecoderModel>> LoadModel(const Checkpoint& checkpoint,
                                                        const std::string& attention_impl) {
  ModelOptions options = {at::kBFloat16, attention_impl};
  options.ops = std::make_shared<CudaOps>(checkpoint.config());
  options.device = at::kCUDA;
  return DecoderModel::Load(checkpoint, options);
}

at::Tensor Prompt(const ModelConfig& config, int64_t batch, int64_t tokens) {
  at::Tensor ids = at::empty({batch, tokens}, at::kLong);
  auto* id = ids.mutable_data_ptr<int64_t>();
  for (int64_t i = 0; i < ids.numel(); ++i) id[i] = i * 2654435761 % config.vocab_size;
  return ids;
}

SignalRecorder NewRecorder(const ModelConfig& config) {
  schema::ExtractionConfig extraction;
  for (const int layer : kLayers) {
    const int last = static_cast<int>(config.num_hidden_layers) - 1;
    if (layer <= last) extraction.add_layers(layer < 0 ? last : layer);
  }
  extraction.set_window(3);
  extraction.set_top_k_logprobs(10);
  return SignalRecorder(extraction);
}

void Print(const std::string& what, double seconds, double floor, const std::string& limit) {
  absl::PrintF("%-44s %9.3f ms   %5.2f x the limit of %.3f ms (%s)\n", what, seconds * 1e3,
               seconds / floor, floor * 1e3, limit);
  std::fflush(stdout);
}

// ---- What is measured ------------------------------------------------------------------------

// Seconds of a prefill of one sequence; with capture as in a run, or without.
absl::StatusOr<double> PrefillSeconds(const DecoderModel& model, int64_t tokens, bool capture) {
  absl::StatusOr<KvCache> cache = model.NewCache(1, tokens);
  if (!cache.ok()) return cache.status();
  const at::Tensor prompt = Prompt(model.config(), 1, tokens);
  std::vector<double> seconds;
  at::Tensor first;
  for (int series = 0; series <= kSeries; ++series) {
    cache->Clear();
    SignalRecorder recorder = NewRecorder(model.config());
    const int64_t kept = recorder.BeginStep(0, 0, tokens);
    WaitForCurrentStream();
    const auto begin = std::chrono::steady_clock::now();
    const auto logits = model.Forward(prompt, kept, *cache, capture ? &recorder : nullptr);
    if (!logits.ok()) return logits.status();
    if (capture) {
      if (absl::Status status = recorder.EndStep(*logits); !status.ok()) return status;
    }
    WaitForCurrentStream();
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    if (series > 0) seconds.push_back(elapsed.count());
    if (series == 0) first = logits->cpu();
    if (!at::equal(first, logits->cpu())) {
      return absl::InternalError("two prefills of one prompt differ");
    }
  }
  return Median(seconds);
}

struct DecodeSeconds {
  double captured = 0, plain = 0;  // of a step, with and without capture
};

absl::StatusOr<DecodeSeconds> MeasureDecode(const DecoderModel& model, int64_t batch,
                                            int64_t context) {
  absl::StatusOr<KvCache> cache = model.NewCache(batch, context + 1);
  if (!cache.ok()) return cache.status();
  const at::Tensor prompt = Prompt(model.config(), batch, context);
  const auto logits = model.Forward(prompt, 1, *cache, nullptr);
  if (!logits.ok()) return logits.status();
  const std::unique_ptr<DecodeGraph> graph = model.NewDecodeGraph(*cache);
  if (graph == nullptr) return absl::UnimplementedError("no decode kernels for this model");
  const at::Tensor token = Prompt(model.config(), batch, 1);
  DecodeSeconds seconds;
  for (const bool capture : {true, false}) {
    SignalRecorder recorder = NewRecorder(model.config());
    recorder.BeginStep(1, context, 1);
    const at::Tensor first = graph->Step(token, *cache, capture ? &recorder : nullptr).cpu();
    (capture ? seconds.captured : seconds.plain) = GpuSeconds(30, [&](int) { graph->Replay(); });
    if (!at::equal(first, graph->Step(token, *cache, capture ? &recorder : nullptr).cpu())) {
      return absl::InternalError("a decode step does not repeat itself");
    }
  }
  return seconds;
}

absl::Status MeasureAll(const Checkpoint& checkpoint, const Ceilings& ceilings) {
  const ModelConfig& config = checkpoint.config();
  const int64_t context = absl::GetFlag(FLAGS_context);
  const double prefill_floor =
      PrefillFlops(config, static_cast<double>(context)) / ceilings.flops_per_second;
  for (const std::string attention : {"flash_attention_2", "cudnn"}) {
    const auto begin = std::chrono::steady_clock::now();
    const auto model = LoadModel(checkpoint, attention);
    if (!model.ok()) return model.status();
    WaitForCurrentStream();
    const std::chrono::duration<double> loading = std::chrono::steady_clock::now() - begin;
    absl::PrintF("%-44s %9.3f s\n", "loading the weights", loading.count());
    for (const bool capture : {true, false}) {
      const auto seconds = PrefillSeconds(**model, context, capture);
      if (!seconds.ok()) return seconds.status();
      Print(absl::StrCat("prefill of ", context, " tokens, ", attention,
                         capture ? "" : ", no capture"),
            *seconds, prefill_floor, "products");
    }
    if (attention == "cudnn") continue;  // its decode steps are the same
    for (const std::string& text : absl::GetFlag(FLAGS_batches)) {
      int64_t batch = 0;
      if (!absl::SimpleAtoi(text, &batch)) return schema::UsageError("--batches: not numbers");
      const auto seconds = MeasureDecode(**model, batch, context);
      if (!seconds.ok()) return seconds.status();
      const double floor = DecodeBytes(config, batch, context) / ceilings.bytes_per_second;
      Print(absl::StrCat("decode step, batch ", batch), seconds->captured, floor, "memory");
      absl::PrintF("%-44s %9.2f %%\n", "  of which capture",
                   100 * (seconds->captured / seconds->plain - 1));
    }
  }
  return absl::OkStatus();
}

absl::Status Run() {
  const std::string directory = schema::UserPath(absl::GetFlag(FLAGS_model));
  if (directory.empty()) return schema::UsageError("--model is missing");
  const absl::StatusOr<Gpu> gpu = StartCuda(0, LibtorchCudaVersion());
  if (!gpu.ok()) return gpu.status();
  MakeDeterministic(0);
  const auto checkpoint = Checkpoint::Open(directory);
  if (!checkpoint.ok()) return checkpoint.status();
  const Ceilings ceilings = Measure();
  absl::PrintF("%s: copies at %.2f TB/s, bfloat16 products at %.0f TFLOP/s\n", gpu->name,
               ceilings.bytes_per_second * 1e-12, ceilings.flops_per_second * 1e-12);
  return MeasureAll(**checkpoint, ceilings);
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  using namespace forensics;
  const std::vector<std::string> positional =
      schema::ParseCommandLineOrExit(runner::kUsage, argc, argv);
  if (!positional.empty()) {
    return schema::ReportAndExitCode("benchmark_gpu",
                                     schema::UsageError("unexpected argument " + positional[0]));
  }
  const absl::Status status = runner::Run();
  return status.ok() ? 0 : schema::ReportAndExitCode("benchmark_gpu", status);
}
