#include "runner/engine/generation.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "runner/capture/signal_recorder.h"
#include "runner/ops/kernel_log.h"
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

absl::Status CheckInput(const GenerationInput& input) {
  if (input.prompts.empty() || input.prompts[0].empty()) {
    return absl::InvalidArgumentError("an empty prompt");
  }
  for (const std::vector<int64_t>& prompt : input.prompts) {
    if (prompt.size() != input.prompts[0].size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("prompts of unequal length: ", input.prompts[0].size(), " and ",
                       prompt.size(), " tokens"));
    }
  }
  if (input.reference != nullptr &&
      static_cast<int>(input.reference->steps.size()) < input.decode_steps) {
    return absl::InvalidArgumentError(absl::StrCat("the reference has ",
                                                   input.reference->steps.size(),
                                                   " steps, expected ", input.decode_steps));
  }
  return absl::OkStatus();
}

// The token that each sequence chose: the last row of logits [batch, rows, vocab_size].
absl::StatusOr<std::vector<int64_t>> Choose(const at::Tensor& logits) {
  return ArgMax(logits.select(1, logits.size(1) - 1));
}

// What the next step is fed: the choices, but the reference's token in sequence 0 where forced.
TokenBatch NextTokens(const std::vector<int64_t>& chosen, const schema::StepRecord& step) {
  TokenBatch next;
  for (const int64_t token : chosen) next.push_back({token});
  next[0][0] = step.fed_token_id();
  return next;
}

void AddKernels(const KernelLog& log, schema::ShardFooter& footer) {
  for (const KernelLog::Entry& entry : log.entries()) {
    schema::KernelUse& use = *footer.add_kernels();
    use.set_phase(entry.phase);
    use.set_kernel(entry.kernel);
    use.set_operands(entry.OperandsText());
    use.set_calls(entry.calls);
    use.set_min_rows(entry.min_rows);
    use.set_max_rows(entry.max_rows);
  }
}

// A forward pass that log and load know about; `load` may be null.
absl::StatusOr<at::Tensor> Pass(LanguageModel& model, const TokenBatch& tokens, int64_t kept,
                                Observer* observer, KernelLog& log, BackgroundLoad* load) {
  const ActiveKernelLog active(&log);
  if (load != nullptr) load->BeginPass();
  auto logits = model.Forward(tokens, kept, observer);
  if (load != nullptr) load->EndPass();
  return logits;
}

}  // namespace

absl::StatusOr<schema::Repetition> Generate(LanguageModel& model, const GenerationInput& input) {
  if (absl::Status status = CheckInput(input); !status.ok()) return status;
  SignalRecorder recorder(input.extraction, input.after_layer, input.part);
  Observer* observer = input.wrap_observer ? input.wrap_observer(&recorder) : &recorder;
  const int64_t prompt_tokens = static_cast<int64_t>(input.prompts[0].size());
  absl::Status status = model.Reset(static_cast<int64_t>(input.prompts.size()),
                                    prompt_tokens + input.decode_steps - 1);
  if (!status.ok()) return status;

  std::unique_ptr<BackgroundLoad> load;
  if (input.start_load) {
    auto started = input.start_load();
    if (!started.ok()) return started.status();
    load = *std::move(started);
  }
  KernelLog kernels;
  schema::Repetition repetition;
  if (input.part.has_value()) *repetition.header.mutable_part() = *input.part;
  TokenBatch tokens = input.prompts;
  int64_t position = 0;
  const Stopwatch total;
  for (int step = 0; step < input.decode_steps; ++step) {
    if (input.before_step) {
      if (status = input.before_step(step); !status.ok()) return status;
    }
    const Stopwatch stopwatch;
    const int64_t count = static_cast<int64_t>(tokens[0].size());
    const int64_t kept = recorder.BeginStep(step, position, count);
    kernels.BeginPhase(step == 0 ? "prefill" : "decode");
    const absl::StatusOr<at::Tensor> logits =
        Pass(model, tokens, kept, observer, kernels, load.get());
    if (!logits.ok()) {
      return absl::Status(logits.status().code(),
                          absl::StrCat("step ", step, ": ", logits.status().message()));
    }
    position += count;
    const absl::StatusOr<std::vector<int64_t>> chosen = Choose(*logits);
    if (!chosen.ok()) return chosen.status();
    if (status = recorder.EndStep(*logits); !status.ok()) return status;

    schema::StepRecord& record = repetition.steps.emplace_back();
    record.set_step(step);
    record.set_token_id((*chosen)[0]);
    record.set_fed_token_id(input.reference != nullptr ? input.reference->steps[step].fed_token_id()
                                                       : (*chosen)[0]);
    record.set_seconds(stopwatch.Seconds());
    tokens = NextTokens(*chosen, record);
    if (step == 0) repetition.footer.set_prefill_seconds(total.Seconds());
  }
  repetition.footer.set_runtime_seconds(total.Seconds());
  repetition.footer.set_decode_seconds(repetition.footer.runtime_seconds() -
                                       repetition.footer.prefill_seconds());
  if (input.machine_facts) {
    for (const auto& [name, value] : input.machine_facts()) {
      (*repetition.footer.mutable_machine_facts())[name] = value;
    }
  }
  if (load != nullptr) {
    auto work = load->Finish();
    if (!work.ok()) return work.status();
    *repetition.footer.mutable_background_load() = *std::move(work);
  }
  AddKernels(kernels, repetition.footer);

  for (schema::StepRecord& record : repetition.steps) {
    record.set_token_text(input.token_text(record.token_id()));
  }
  const std::vector<schema::PositionRecord> none;
  auto positions = recorder.Take(input.reference != nullptr ? input.reference->positions : none);
  if (!positions.ok()) return positions.status();
  repetition.positions = *std::move(positions);
  repetition.footer.set_signals_sha256(schema::SignalsDigest(repetition));
  return repetition;
}

}  // namespace forensics::runner
