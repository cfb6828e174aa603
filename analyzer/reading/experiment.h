// An experiment file in memory: what the JSON says, nothing computed.
#ifndef ANALYZER_READING_EXPERIMENT_H_
#define ANALYZER_READING_EXPERIMENT_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "analyzer/reading/json_cursor.h"
#include "analyzer/reading/structure_budget.h"

namespace forensics::analyzer {

// A captured position of a step: `position` is -1 for the last position processed so far, -2 for
// the one before it. The absolute position is prompt length + step + position.
struct Timepoint {
  int64_t step = 0;
  int position = 0;

  // The same for every step whose window holds the same absolute position: 0 for the prompt's last
  // token, negative for those before it, s for the token that step s processed.
  int64_t Computed() const { return step + position + 1; }
  bool InPrefill() const { return Computed() <= 0; }

  bool operator<(const Timepoint& o) const {
    return std::tie(step, position) < std::tie(o.step, o.position);
  }
  bool operator==(const Timepoint& o) const { return step == o.step && position == o.position; }
};

// Which forward pass computed a position: the prefill or a decode step.
enum class Phase { kAll, kPrefill, kDecode };

inline constexpr std::array<Phase, 3> kPhases = {Phase::kAll, Phase::kPrefill, Phase::kDecode};

// "all", "prefill", "decode".
const char* PhaseName(Phase phase);

// Whether the position, as Timepoint::Computed counts, is of `phase`.
inline bool InPhase(int64_t computed, Phase phase) {
  return phase == Phase::kAll || (computed <= 0) == (phase == Phase::kPrefill);
}

enum class SignalKind { kHiddenStates, kKeyVectors, kLogProbs };

// A signal of one layer; log-probs have no layer (0).
struct SignalId {
  SignalKind kind = SignalKind::kHiddenStates;
  int layer = 0;

  bool operator<(const SignalId& o) const {
    return std::tie(kind, layer) < std::tie(o.kind, o.layer);
  }
  bool operator==(const SignalId& o) const { return kind == o.kind && layer == o.layer; }
};

// "hidden_states/layer_47", "key_vectors/layer_1", "logprobs".
std::string SignalName(const SignalId& signal);

// Shared by all timepoints whose vectors have the same bits.
using SharedVector = std::shared_ptr<const std::vector<float>>;
using Vectors = std::map<Timepoint, SharedVector>;

struct LogProbs {
  std::vector<int64_t> token_ids;
  std::vector<float> values;  // as many as ids in a sound file
};

struct Step {
  std::optional<int64_t> token_id;
  std::optional<int64_t> fed_token_id;
  std::optional<std::string> token_text;
};

// What is known of the vectors of a repetition that are no longer held; its base is another
// repetition (comparison/run_difference.h).
struct ReleasedVectors {
  std::string digest;
  std::optional<std::string> difference_of_base;  // the first from the base to this one, in words
  std::optional<std::string> difference_to_base;  // from this one to the base
};

// One repetition.
struct RunRecord {
  std::string config_id;
  int64_t rep_id = 0;
  std::optional<double> runtime_seconds;
  std::optional<std::string> prompt_text;
  std::string signals_sha256;  // empty if there is none
  std::map<int64_t, Step> steps;
  std::map<SignalId, Vectors> vectors;  // hidden states and keys
  std::map<Timepoint, LogProbs> log_probs;
  std::map<Timepoint, LogProbs> reference_log_probs;
  std::optional<ReleasedVectors> released;  // none: `vectors` has all

  bool stored() const { return !steps.empty(); }

  void ReleaseSignals() {
    vectors.clear();
    log_probs.clear();
    reference_log_probs.clear();
  }
};

struct Configuration {
  std::string config_id;
  std::string hardware;
  JsonScalar variable_value;
  std::optional<bool> reproducible;  // the collector's word
  std::optional<double> mean_seconds;
  bool forced = false;  // fed a reference's tokens, not its own
  // Digest of the run whose tokens it was fed; empty if the file does not say.
  std::string reference_signals_sha256;
  // Versions, dtype, world_size, and each scalar of fixed_params and settings under its path
  // ("settings.threads"), as JSON text without quotes; null ones are left out.
  std::map<std::string, std::string> circumstances;
  // The figures of concurrent work ("overlap_share"), as the collector wrote them.
  std::map<std::string, JsonScalar> overlap;
};

struct Experiment {
  std::string path;
  std::string type;
  std::string variable;
  std::vector<int> layers;     // extraction_config, in its order
  std::vector<int> positions;  // extraction_config
  std::optional<int64_t> decode_steps;
  // Of experiment_metadata: model, model_size, architecture, sequence_length; null ones left out.
  std::map<std::string, std::string> facts;
  std::vector<Configuration> configurations;
  std::vector<RunRecord> runs;
  // What is odd in the file though it can be read: named places, in words.
  std::vector<std::string> findings;
  // What its structure and text have of a budget.
  std::shared_ptr<const BudgetShare> share;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_EXPERIMENT_H_
