// The experiment JSON: the names of its keys, and a checker that follows it as a stream.
//
// The format is described by experiment_schema.json (JSON Schema, draft 4). Its files can be
// larger than memory, so nothing here builds a document: whoever reads or writes one passes on the
// events of RapidJSON's SAX interface.
#ifndef SCHEMA_EXPERIMENT_JSON_H_
#define SCHEMA_EXPERIMENT_JSON_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace forensics::schema {

// Names of keys.
namespace key {
inline constexpr char kSchemaVersion[] = "schema_version";
inline constexpr char kExperimentMetadata[] = "experiment_metadata";
inline constexpr char kConfigurations[] = "configurations";
inline constexpr char kRuns[] = "runs";

inline constexpr char kExperimentType[] = "experiment_type";
inline constexpr char kVariableTested[] = "variable_tested";
inline constexpr char kModel[] = "model";
inline constexpr char kModelSize[] = "model_size";
inline constexpr char kArchitecture[] = "architecture";
inline constexpr char kSequenceLength[] = "sequence_length";
inline constexpr char kDecodeSteps[] = "decode_steps";
inline constexpr char kDecoding[] = "decoding";
inline constexpr char kExtractionConfig[] = "extraction_config";
inline constexpr char kLayers[] = "layers";
inline constexpr char kPositions[] = "positions";
inline constexpr char kHiddenDim[] = "hidden_dim";
inline constexpr char kKeyDim[] = "key_dim";
inline constexpr char kTopKLogprobs[] = "top_k_logprobs";
inline constexpr char kDateCreated[] = "date_created";

inline constexpr char kConfigId[] = "config_id";
inline constexpr char kHardware[] = "hardware";
inline constexpr char kProvider[] = "provider";
inline constexpr char kVariableValue[] = "variable_value";
inline constexpr char kCudaVersion[] = "cuda_version";
inline constexpr char kTorchVersion[] = "torch_version";
inline constexpr char kTransformersVersion[] = "transformers_version";
inline constexpr char kFlashAttnVersion[] = "flash_attn_version";
inline constexpr char kPythonVersion[] = "python_version";
inline constexpr char kFixedParams[] = "fixed_params";
inline constexpr char kDtype[] = "dtype";
inline constexpr char kTiming[] = "timing";
inline constexpr char kMeanSeconds[] = "mean_seconds";
inline constexpr char kVariance[] = "variance";
inline constexpr char kRepetitions[] = "repetitions";
inline constexpr char kReproducible[] = "reproducible";
inline constexpr char kSettings[] = "settings";
inline constexpr char kWorldSize[] = "world_size";
inline constexpr char kKernels[] = "kernels";
inline constexpr char kPhase[] = "phase";
inline constexpr char kKernel[] = "kernel";
inline constexpr char kOperands[] = "operands";
inline constexpr char kCalls[] = "calls";
inline constexpr char kMinRows[] = "min_rows";
inline constexpr char kMaxRows[] = "max_rows";
inline constexpr char kOtherShapes[] = "other_shapes";

inline constexpr char kOverlap[] = "overlap";
inline constexpr char kWorkers[] = "workers";
inline constexpr char kTargetUtilisation[] = "target_utilisation";
inline constexpr char kUtilisation[] = "utilisation";
inline constexpr char kInferenceSeconds[] = "inference_seconds";
inline constexpr char kOverlapSeconds[] = "overlap_seconds";
inline constexpr char kOverlapShare[] = "overlap_share";
inline constexpr char kProducts[] = "products";
inline constexpr char kIntervals[] = "intervals";

inline constexpr char kRepId[] = "rep_id";
inline constexpr char kTimestamp[] = "timestamp";
inline constexpr char kRuntimeSeconds[] = "runtime_seconds";
inline constexpr char kPromptText[] = "prompt_text";
inline constexpr char kSignalsSha256[] = "signals_sha256";

inline constexpr char kStep[] = "step";
inline constexpr char kTokenId[] = "token_id";
inline constexpr char kTokenText[] = "token_text";
inline constexpr char kFedTokenId[] = "fed_token_id";
inline constexpr char kHiddenStates[] = "hidden_states";
inline constexpr char kKeyVectors[] = "key_vectors";
inline constexpr char kLogprobs[] = "logprobs";
inline constexpr char kReferenceLogProbs[] = "reference_log_probs";
inline constexpr char kTokenIds[] = "token_ids";
inline constexpr char kLogProbs[] = "log_probs";
}  // namespace key

// Values of key::kDecoding.
inline constexpr char kForced[] = "forced";
inline constexpr char kFree[] = "free";

// What JSON has no number for.
inline constexpr char kNaN[] = "NaN";
inline constexpr char kInfinity[] = "Infinity";
inline constexpr char kMinusInfinity[] = "-Infinity";

std::string LayerName(int layer);        // "layer_47"
std::string PositionName(int position);  // "pos_-1"

// The text of experiment_schema.json.
absl::string_view ExperimentSchemaText();

// Checks an experiment JSON against the schema while it is read or written. A SAX handler for
// rapidjson::Reader; to be one link of a chain, call it first from one's own handler:
//
//   bool Double(double value) { return checker.Double(value) && Use(value); }
//
// An event returns false if it breaks the schema, and so do all after it; status() says where and
// how. Signals are most of a file: while InVector(), numbers may be left out, StartArray and
// EndArray(count) around them are enough. Inside a vector a number, a null and the strings "NaN",
// "Infinity" and "-Infinity" are allowed, and nothing else.
class ExperimentChecker {
 public:
  ExperimentChecker();
  ~ExperimentChecker();
  ExperimentChecker(const ExperimentChecker&) = delete;
  ExperimentChecker& operator=(const ExperimentChecker&) = delete;

  bool Null();
  bool Bool(bool value);
  bool Int(int value);
  bool Uint(unsigned value);
  bool Int64(int64_t value);
  bool Uint64(uint64_t value);
  bool Double(double value);
  // For readers that ask for numbers as text (kParseNumbersAsStringsFlag).
  bool RawNumber(const char* text, uint32_t length, bool copy);
  bool String(const char* text, uint32_t length, bool copy);
  bool StartObject();
  bool Key(const char* text, uint32_t length, bool copy);
  bool EndObject(uint32_t members);
  bool StartArray();
  bool EndArray(uint32_t elements);
  // In an array: so many elements have been checked by another checker.
  void SkipElements(int64_t elements);

  // Between StartArray and EndArray of a vector: hidden states, keys or log-probabilities.
  bool InVector() const;
  // The current place as a JSON pointer: "/runs/0/decode_steps/3/hidden_states/layer_1/pos_-1".
  std::string Path() const;
  // OK, or InvalidArgument with place, what was expected and what was found.
  const absl::Status& status() const;
  // OK if a whole document went by without an error.
  absl::Status Finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forensics::schema

#endif  // SCHEMA_EXPERIMENT_JSON_H_
