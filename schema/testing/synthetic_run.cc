#include "schema/testing/synthetic_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>

#include "absl/strings/str_cat.h"
#include "schema/digest.h"
#include "schema/rank_join.h"
#include "schema/testing/split_ranks.h"

namespace forensics::schema {
namespace {

constexpr int kVocabulary = 1000;
constexpr char kStarted[] = "2025-01-02 03:04:05";

enum Signal { kHiddenState, kKey, kLogProb, kReferenceLogProb, kToken };

bool IsReference(const SyntheticRun& run) { return run.experiment.variants().empty(); }

VariantSpec ChosenVariant(const SyntheticRun& run) {
  return IsReference(run) ? run.experiment.reference() : run.experiment.variants(run.variant);
}

// A generator of its own for each signal of each place: what is made up for one place does not
// depend on which others are.
std::mt19937_64 Generator(uint64_t seed, int64_t place, int layer, Signal signal) {
  std::seed_seq sequence{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32),
                         static_cast<uint32_t>(place), static_cast<uint32_t>(layer),
                         static_cast<uint32_t>(signal)};
  return std::mt19937_64(sequence);
}

std::vector<float> Elements(const SyntheticRun& run, int64_t position, int layer, Signal signal,
                            int count) {
  std::mt19937_64 base = Generator(run.seed, position, layer, signal);
  std::mt19937_64 noise = Generator(run.noise_seed, position, layer + 1000, signal);
  // Two distributions: each keeps half of what its generator gave for the next call.
  std::normal_distribution<double> of_base;
  std::normal_distribution<double> of_noise;
  std::vector<float> elements;
  for (int i = 0; i < count; ++i) {
    const double value = of_base(base);
    elements.push_back(static_cast<float>(value + run.noise * of_noise(noise)));
  }
  return elements;
}

// The upper half of a float32 is a bfloat16; float16 is taken from a small exact range.
Values Pack(const std::vector<float>& elements, DType dtype) {
  std::string data(elements.size() * BytesPerElement(dtype), '\0');
  for (size_t i = 0; i < elements.size(); ++i) {
    uint32_t bits = 0;
    std::memcpy(&bits, &elements[i], sizeof bits);
    uint16_t half = static_cast<uint16_t>(bits >> 16);
    if (dtype == FLOAT16) half = static_cast<uint16_t>((bits >> 16 & 0x8000u) | (bits & 0x3bffu));
    if (dtype == FLOAT32) {
      std::memcpy(&data[4 * i], &bits, sizeof bits);
    } else {
      std::memcpy(&data[2 * i], &half, sizeof half);
    }
  }
  return MakeValues(dtype, std::move(data));
}

int64_t OwnToken(const SyntheticRun& run, int step) {
  const uint64_t diverged = run.diverges_at >= 0 && step >= run.diverges_at ? 1 : 0;
  return static_cast<int64_t>(Generator(run.seed + diverged, step, 0, kToken)() % kVocabulary);
}

int64_t FedToken(const SyntheticRun& run, int step) {
  // A reference of the same seed chose what this run chooses without divergence.
  SyntheticRun reference = run;
  if (run.reference != nullptr) reference.diverges_at = -1;
  return OwnToken(reference, step);
}

LogProbs MakeLogProbs(const SyntheticRun& run, int64_t position, Signal signal) {
  std::vector<float> values = Elements(run, position, 0, signal, run.top_k);
  for (float& value : values) value = -std::abs(value);
  std::sort(values.begin(), values.end(), std::greater<float>());
  LogProbs log_probs;
  for (int i = 0; i < run.top_k; ++i)
    log_probs.add_token_ids((position * 31 + i * 7) % kVocabulary);
  *log_probs.mutable_log_probs() = Pack(values, FLOAT32);
  return log_probs;
}

PositionRecord MakePosition(const SyntheticRun& run, int64_t position, int step) {
  PositionRecord record;
  record.set_position(position);
  record.set_computed_at_step(step);
  for (const int layer : run.layers) {
    LayerSignals& signals = *record.add_layers();
    signals.set_layer(layer);
    *signals.mutable_hidden_state() =
        Pack(Elements(run, position, layer, kHiddenState, run.hidden_size), run.dtype);
    *signals.mutable_key() = Pack(Elements(run, position, layer, kKey, run.key_size), run.dtype);
  }
  *record.mutable_top_log_probs() = MakeLogProbs(run, position, kLogProb);
  if (run.reference != nullptr) {
    *record.mutable_reference_log_probs() = MakeLogProbs(run, position, kReferenceLogProb);
  }
  return record;
}

void FillModelAndPrompt(const SyntheticRun& run, RunManifest& manifest) {
  ModelInfo& model = *manifest.mutable_model();
  model.set_name(run.model_name);
  model.set_digest(Sha256Hex(run.model_name));
  model.set_architecture("Qwen3MoeForCausalLM");
  model.set_parameters(30532122624);
  model.set_num_hidden_layers(run.num_hidden_layers);
  model.set_hidden_size(run.hidden_size);
  model.set_key_size(run.key_size);
  model.set_vocab_size(kVocabulary);
  model.set_mixture_of_experts(true);
  PromptInfo& prompt = *manifest.mutable_prompt();
  prompt.set_text("Say \"hello\" to\n\xE2\x82\xAC.");
  for (int i = 0; i < run.prompt_tokens; ++i) prompt.add_token_ids(i);
  prompt.set_token_ids_sha256(TokenIdsSha256(prompt.token_ids()));
}

void FillDecoding(const SyntheticRun& run, RunManifest& manifest) {
  DecodingInfo& decoding = *manifest.mutable_decoding();
  decoding.set_first_departure(run.reference == nullptr ? -1 : run.diverges_at);
  if (run.reference == nullptr) return;
  decoding.set_forced(true);
  decoding.set_reference_config_id(run.reference->config_id());
  decoding.set_reference_hardware(run.reference->hardware());
  decoding.set_reference_signals_sha256(run.reference->repetitions().rbegin()->signals_sha256());
}

RunManifest MakeManifest(const SyntheticRun& run) {
  const VariantSpec variant = ChosenVariant(run);
  RunManifest manifest;
  manifest.set_schema_version(kSchemaVersion);
  manifest.set_hardware(run.hardware);
  manifest.set_config_id(absl::StrCat(ShortHardware(run.hardware), "_", variant.config_suffix()));
  manifest.set_provider("RunPod");
  *manifest.mutable_experiment() = run.experiment;
  *manifest.mutable_variable_value() = variant.value();
  *manifest.mutable_config() = run.experiment.reference_config();
  manifest.mutable_config()->MergeFrom(variant.overrides());
  FillModelAndPrompt(run, manifest);
  FillDecoding(run, manifest);
  ExtractionConfig& extraction = *manifest.mutable_extraction();
  extraction.mutable_layers()->Add(run.layers.begin(), run.layers.end());
  extraction.set_window(run.window);
  extraction.set_top_k_logprobs(run.top_k);
  manifest.set_decode_steps(run.decode_steps);
  manifest.mutable_versions()->set_runner("1");
  manifest.mutable_versions()->set_torch("2.11.0");
  manifest.mutable_versions()->set_cuda("12.8");
  (*manifest.mutable_settings())["cublas_workspace"] = ":4096:8";
  (*manifest.mutable_machine_facts())["gpu.uuid"] = "GPU-0123";
  manifest.set_reproducible(run.reproducible);
  manifest.set_created(kStarted);
  manifest.set_work_digest(Sha256Hex(manifest.config().SerializeAsString()));
  return manifest;
}

// Work that ran in two intervals, half of the time.
BackgroundLoad MakeLoad(double inference_seconds) {
  BackgroundLoad load;
  load.set_kernel("matrix product 512 x 512 x 512, float32");
  load.set_workers(2);
  load.set_target_utilisation(0.5);
  load.set_utilisation(0.4375);
  load.set_inference_seconds(inference_seconds);
  load.set_overlap_seconds(inference_seconds / 2);
  load.set_products(1000);
  for (const double begin : {0.0, inference_seconds / 2}) {
    TimeInterval& interval = *load.add_intervals();
    interval.set_begin(begin);
    interval.set_end(begin + inference_seconds / 4);
  }
  return load;
}

}  // namespace

Repetition MakeRepetition(const SyntheticRun& run, int repetition) {
  Repetition made;
  const RunManifest manifest = MakeManifest(run);
  made.header.set_config_id(manifest.config_id());
  made.header.set_work_digest(manifest.work_digest());
  made.header.set_repetition(repetition);
  made.header.set_world_size(WorldSize(manifest.config()));
  made.header.set_started(kStarted);
  for (int step = 0; step < run.decode_steps; ++step) {
    StepRecord& record = made.steps.emplace_back();
    record.set_step(step);
    record.set_token_id(OwnToken(run, step));
    record.set_token_text(absl::StrCat("t", record.token_id()));
    record.set_fed_token_id(FedToken(run, step));
    record.set_seconds(0.25);
  }
  const int first = std::max(0, run.prompt_tokens - run.window);
  for (int position = first; position < run.prompt_tokens + run.decode_steps - 1; ++position) {
    made.positions.push_back(
        MakePosition(run, position, std::max(0, position - run.prompt_tokens + 1)));
  }
  if (!run.reproducible && repetition == run.repetitions - 1) {
    Values& last = *made.positions.back().mutable_layers()->rbegin()->mutable_hidden_state();
    std::string data = last.data();
    data.front() = static_cast<char>(data.front() ^ 1);
    last = MakeValues(last.dtype(), std::move(data));
  }
  if (manifest.config().concurrent_work()) {
    *made.footer.mutable_background_load() = MakeLoad(10 + repetition);
  }
  if (run.edit_repetition) run.edit_repetition(made);
  made.footer.set_runtime_seconds(10 + repetition);
  made.footer.set_prefill_seconds(4);
  made.footer.set_decode_seconds(6 + repetition);
  made.footer.set_signals_sha256(SignalsDigest(made));
  return made;
}

namespace {

absl::Status WriteShards(const SyntheticRun& run, const RunConfig& config,
                         const Repetition& repetition, int number, const RunDirectory& directory) {
  RankLayout layout;
  layout.tp_size = config.tp_size();
  layout.ep_size = config.ep_size();
  layout.key_heads = run.key_heads;
  layout.vocab_size = kVocabulary;
  for (Repetition& shard : SplitForRanks(repetition, layout)) {
    if (run.edit_shard) run.edit_shard(shard);
    shard.footer.set_signals_sha256(SignalsDigest(shard));
    const ShardHeader& header = shard.header;
    absl::Status status =
        WriteShard(directory.ShardPath(number, header.rank(), header.world_size()), shard);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RunDirectory> WriteSyntheticRun(const SyntheticRun& run,
                                               const std::string& results) {
  RunManifest manifest = MakeManifest(run);
  const RunDirectory directory(results, run.hardware, manifest.config_id());
  for (int i = 0; i < run.repetitions; ++i) {
    const Repetition repetition = MakeRepetition(run, i);
    RepetitionSummary& summary = *manifest.add_repetitions();
    summary.set_repetition(i);
    summary.set_started(repetition.header.started());
    summary.set_runtime_seconds(repetition.footer.runtime_seconds());
    summary.set_prefill_seconds(repetition.footer.prefill_seconds());
    summary.set_decode_seconds(repetition.footer.decode_seconds());
    summary.set_signals_sha256(repetition.footer.signals_sha256());
    summary.set_stored(!run.reproducible || i == run.repetitions - 1);
    if (repetition.footer.has_background_load()) {
      *summary.mutable_background_load() = repetition.footer.background_load();
      summary.mutable_background_load()->clear_intervals();
    }
    if (!summary.stored()) continue;
    absl::Status status = WriteShards(run, manifest.config(), repetition, i, directory);
    if (!status.ok()) return status;
  }
  if (run.edit_manifest) run.edit_manifest(manifest);
  if (absl::Status status = directory.WriteManifest(manifest); !status.ok()) return status;
  return directory;
}

}  // namespace forensics::schema
