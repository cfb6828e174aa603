// Prefill and decode speed of a checkpoint:
//   decoder_benchmark CHECKPOINT_DIR float32|bfloat16|float16 PROMPT_TOKENS DECODE_STEPS [RUNS
//   [ATTENTION]]
// One line a run: "prefill TOKENS_PER_SECOND decode TOKENS_PER_SECOND". The number of threads is
// OMP_NUM_THREADS. benchmark_vs_transformers.py runs it beside Hugging Face transformers.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "runner/checkpoint/checkpoint.h"
#include "runner/model/decoder_model.h"
#include "runner/ops/log_probs.h"

namespace forensics::runner {
namespace {

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Arguments {
  std::string checkpoint;
  at::ScalarType dtype;
  int prompt_tokens = 0, decode_steps = 0, runs = 1;
  std::string attention_impl = "flash_attention_2";
};

absl::StatusOr<Arguments> ParseArguments(int argc, char** argv) {
  const std::map<std::string, at::ScalarType> dtypes = {
      {"float32", at::kFloat}, {"bfloat16", at::kBFloat16}, {"float16", at::kHalf}};
  Arguments arguments;
  if (argc < 5 || argc > 7 || dtypes.count(argv[2]) == 0 ||
      !absl::SimpleAtoi(argv[3], &arguments.prompt_tokens) ||
      !absl::SimpleAtoi(argv[4], &arguments.decode_steps) ||
      (argc >= 6 && !absl::SimpleAtoi(argv[5], &arguments.runs))) {
    return absl::InvalidArgumentError(
        "usage: decoder_benchmark CHECKPOINT_DIR float32|bfloat16|float16 PROMPT_TOKENS "
        "DECODE_STEPS [RUNS [ATTENTION]]");
  }
  arguments.checkpoint = argv[1];
  arguments.dtype = dtypes.at(argv[2]);
  if (argc == 7) arguments.attention_impl = argv[6];
  return arguments;
}

absl::Status RunOnce(const DecoderModel& model, const Arguments& arguments) {
  const int64_t tokens = arguments.prompt_tokens;
  absl::StatusOr<KvCache> cache = model.NewCache(1, tokens + arguments.decode_steps);
  if (!cache.ok()) return cache.status();
  at::Tensor ids = (at::arange(tokens, at::kLong) * 2654435761 % (model.config().vocab_size - 100))
                       .view({1, -1});
  const Stopwatch prefill;
  absl::StatusOr<at::Tensor> logits = model.Forward(ids, 1, *cache, nullptr);
  if (!logits.ok()) return logits.status();
  const double prefill_seconds = prefill.Seconds();
  const Stopwatch decode;
  for (int step = 0; step < arguments.decode_steps; ++step) {
    const auto next = ArgMax(logits->select(1, 0));
    if (!next.ok()) return next.status();
    logits = model.Forward(at::full({1, 1}, next->front(), at::kLong), 1, *cache, nullptr);
    if (!logits.ok()) return logits.status();
  }
  std::printf("prefill %.1f decode %.2f\n", tokens / prefill_seconds,
              arguments.decode_steps / decode.Seconds());
  std::fflush(stdout);
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  const absl::StatusOr<Arguments> arguments = ParseArguments(argc, argv);
  if (!arguments.ok()) return arguments.status();
  const auto checkpoint = Checkpoint::Open(arguments->checkpoint);
  if (!checkpoint.ok()) return checkpoint.status();
  const auto model =
      DecoderModel::Load(**checkpoint, {arguments->dtype, arguments->attention_impl});
  if (!model.ok()) return model.status();
  for (const auto& [name, value] : SettingsOf((*model)->config(), (*model)->options())) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), value.c_str());
  }
  for (int run = 0; run < arguments->runs; ++run) {
    if (absl::Status status = RunOnce(**model, *arguments); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace forensics::runner

int main(int argc, char** argv) {
  const absl::Status status = forensics::runner::Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}
