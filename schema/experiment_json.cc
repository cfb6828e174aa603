#include "schema/experiment_json.h"

#include <rapidjson/document.h>
#include <rapidjson/schema.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <set>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "schema/experiment_schema_text.h"
#include "schema/json_number.h"
#include "schema/schema_version.h"

namespace forensics::schema {
namespace {

// An object or array that the events are in.
struct Level {
  bool is_array = false;
  int64_t index = -1;          // of the current element, in an array
  std::string key;             // of the current member, in an object
  std::set<std::string> keys;  // all so far
};

// Depths of the stack of levels: {, runs: [, {, decode_steps: [, {, hidden_states: {, layer_1: {.
constexpr size_t kInStep = 5;
constexpr size_t kInSignal = 6;
constexpr size_t kInLayer = 7;

// Far more than any such file has; the validator looks at all open levels for each event.
constexpr size_t kMostLevels = 64;
constexpr size_t kMostKeys = 1 << 20;  // of one object

const rapidjson::Document& SchemaDom() {
  static const auto* document = [] {
    auto* parsed = new rapidjson::Document;
    const absl::string_view text = ExperimentSchemaText();
    parsed->Parse(text.data(), text.size());
    return parsed;
  }();
  return *document;
}

// Allocates from a pool: the compiler of schemas does not free all that it asks for.
using SchemaDocument =
    rapidjson::GenericSchemaDocument<rapidjson::Value, rapidjson::MemoryPoolAllocator<>>;
using Validator = rapidjson::GenericSchemaValidator<SchemaDocument>;

const SchemaDocument& CompiledSchema() {
  static const auto* schema = new SchemaDocument(SchemaDom());
  return *schema;
}

std::string ToText(const rapidjson::Value& value) {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
  value.Accept(writer);
  return std::string(buffer.GetString(), buffer.GetSize());
}

bool IsNumbered(absl::string_view name, absl::string_view prefix) {
  int number = 0;
  return absl::StartsWith(name, prefix) && absl::SimpleAtoi(name.substr(prefix.size()), &number);
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kMost = 60;
  const std::string shown = absl::CHexEscape(text.substr(0, kMost));
  return absl::StrCat("\"", shown, text.size() > kMost ? "..." : "", "\"");
}

}  // namespace

std::string LayerName(int layer) { return absl::StrCat("layer_", layer); }
std::string PositionName(int position) { return absl::StrCat("pos_", position); }

absl::string_view ExperimentSchemaText() { return kExperimentSchemaText; }

struct ExperimentChecker::State {
  Validator validator{CompiledSchema()};
  std::vector<Level> levels;
  bool in_vector = false;
  bool finished = false;
  absl::Status status;

  bool Fail(absl::string_view message) {
    if (status.ok())
      status = absl::InvalidArgumentError(absl::StrCat("at ", Path(), ": ", message));
    return false;
  }

  std::string Path() const {
    std::string path;
    for (const Level& level : levels) {
      if (level.is_array && level.index < 0) break;
      if (!level.is_array && level.keys.empty()) break;
      absl::StrAppend(&path, "/",
                      level.is_array ? absl::StrCat(level.index)
                                     : absl::StrReplaceAll(level.key, {{"~", "~0"}, {"/", "~1"}}));
    }
    return path.empty() ? "the top" : path;
  }

  // Which signal of which step the events are in: "hidden_states", or "" elsewhere.
  absl::string_view Signal() const {
    if (levels.size() < kInSignal || levels[0].key != key::kRuns ||
        levels[2].key != key::kDecodeSteps) {
      return "";
    }
    return levels[kInStep - 1].key;
  }

  bool InLayers() const { return Signal() == key::kHiddenStates || Signal() == key::kKeyVectors; }
  bool InLogProbs() const {
    return Signal() == key::kLogprobs || Signal() == key::kReferenceLogProbs;
  }

  // Whether an array that starts here is a vector.
  bool VectorStartsHere() const {
    if (levels.size() != kInLayer) return false;
    return InLayers() || (InLogProbs() && levels.back().key == key::kLogProbs);
  }

  // Before each value.
  bool BeginValue() {
    if (!status.ok()) return false;
    if (finished) return Fail("more behind the end of the document");
    if (levels.size() >= kMostLevels) return Fail("nested too deeply");
    if (!levels.empty() && levels.back().is_array && !in_vector) ++levels.back().index;
    return true;
  }

  void EndValue() { finished = levels.empty(); }

  // What the schema asked for where it was broken last.
  std::string Expectation() const {
    const char* keyword = validator.GetInvalidSchemaKeyword();
    const std::string name = keyword == nullptr ? "" : keyword;
    const rapidjson::Value* node = validator.GetInvalidSchemaPointer().Get(SchemaDom());
    if (node == nullptr || !node->IsObject() || !node->HasMember(name.c_str())) return name;
    const rapidjson::Value& rule = (*node)[name.c_str()];
    if (name == "required") return absl::StrCat("missing: ", Missing(rule));
    if (name == "type") return absl::StrCat("expected ", ToText(rule));
    if (name == "enum") return absl::StrCat("expected one of ", ToText(rule));
    if (name == "minimum") return absl::StrCat("expected at least ", ToText(rule));
    if (name == "maximum") return absl::StrCat("expected at most ", ToText(rule));
    return absl::StrCat("expected ", name, " ", ToText(rule));
  }

  std::string Missing(const rapidjson::Value& required) const {
    std::vector<std::string> missing;
    for (const rapidjson::Value& name : required.GetArray()) {
      if (levels.back().keys.count(name.GetString()) == 0) missing.push_back(name.GetString());
    }
    return absl::StrJoin(missing, ", ");
  }

  // One scalar: `to_schema` passes it to the validator, `found` names it in errors.
  template <typename ToSchema, typename Found>
  bool Scalar(bool allowed_in_vector, const ToSchema& to_schema, const Found& found) {
    if (!BeginValue()) return false;
    if (in_vector) {
      if (allowed_in_vector) return true;
      return Fail(
          absl::StrCat("expected a number, null, \"NaN\", \"Infinity\" or \"-Infinity\", "
                       "found ",
                       found()));
    }
    if (!to_schema()) return Fail(absl::StrCat(Expectation(), ", found ", found()));
    EndValue();
    return true;
  }

  template <typename Number>
  bool NumberScalar(Number value, bool (Validator::*event)(Number)) {
    if (in_vector) return status.ok();
    const bool is_version = levels.size() == 1 && levels[0].key == key::kSchemaVersion;
    if (is_version && value > static_cast<Number>(kSchemaVersion)) {
      return Fail(absl::StrCat("written by a later version of this software: schema ", value,
                               ", this one reads up to ", kSchemaVersion));
    }
    return Scalar(
        true, [&] { return (validator.*event)(value); }, [&] { return absl::StrCat(value); });
  }

  bool NameFits(absl::string_view name) {
    if (levels.size() == kInSignal && InLayers() && !IsNumbered(name, "layer_")) {
      return Fail(absl::StrCat("key ", Quoted(name), ", expected layer_<number>"));
    }
    const size_t positions = InLayers() ? kInLayer : kInSignal;
    if (levels.size() == positions && (InLayers() || InLogProbs()) && !IsNumbered(name, "pos_")) {
      return Fail(absl::StrCat("key ", Quoted(name), ", expected pos_<number>"));
    }
    return true;
  }
};

ExperimentChecker::ExperimentChecker() : state_(std::make_unique<State>()) {}
ExperimentChecker::~ExperimentChecker() = default;

bool ExperimentChecker::Null() {
  return state_->Scalar(
      true, [this] { return state_->validator.Null(); }, [] { return "null"; });
}

bool ExperimentChecker::Bool(bool value) {
  return state_->Scalar(
      false, [&] { return state_->validator.Bool(value); },
      [&] { return value ? "true" : "false"; });
}

bool ExperimentChecker::Int(int value) { return state_->NumberScalar(value, &Validator::Int); }

bool ExperimentChecker::Uint(unsigned value) {
  return state_->NumberScalar(value, &Validator::Uint);
}

bool ExperimentChecker::Int64(int64_t value) {
  return state_->NumberScalar(value, &Validator::Int64);
}

bool ExperimentChecker::Uint64(uint64_t value) {
  return state_->NumberScalar(value, &Validator::Uint64);
}

bool ExperimentChecker::Double(double value) {
  return state_->NumberScalar(value, &Validator::Double);
}

bool ExperimentChecker::RawNumber(const char* text, uint32_t length, bool) {
  if (state_->in_vector) return state_->status.ok();
  struct Events {
    bool operator()(int64_t value) const { return checker->Int64(value); }
    bool operator()(uint64_t value) const { return checker->Uint64(value); }
    bool operator()(double value) const { return checker->Double(value); }
    ExperimentChecker* checker;
  };
  return std::visit(Events{this}, ReadJsonNumber({text, length}));
}

bool ExperimentChecker::String(const char* text, uint32_t length, bool copy) {
  const absl::string_view view(text, length);
  const bool is_number = view == kNaN || view == kInfinity || view == kMinusInfinity;
  return state_->Scalar(
      is_number, [&] { return state_->validator.String(text, length, copy); },
      [&] { return absl::StrCat("the string ", Quoted(view)); });
}

bool ExperimentChecker::StartObject() {
  if (state_->in_vector) return state_->Fail("an object inside a vector");
  if (!state_->BeginValue()) return false;
  if (!state_->validator.StartObject()) {
    return state_->Fail(absl::StrCat(state_->Expectation(), ", found an object"));
  }
  state_->levels.emplace_back();
  return true;
}

bool ExperimentChecker::Key(const char* text, uint32_t length, bool copy) {
  if (!state_->status.ok()) return false;
  std::string name(text, length);
  if (!state_->NameFits(name)) return false;
  Level& level = state_->levels.back();
  level.key = name;
  if (!level.keys.insert(std::move(name)).second) {
    return state_->Fail(absl::StrCat("key ", Quoted(level.key), " twice"));
  }
  if (level.keys.size() > kMostKeys) {
    return state_->Fail(absl::StrCat("more than ", kMostKeys, " keys"));
  }
  if (!state_->validator.Key(text, length, copy)) return state_->Fail(state_->Expectation());
  return true;
}

bool ExperimentChecker::EndObject(uint32_t members) {
  if (!state_->status.ok()) return false;
  if (!state_->validator.EndObject(members)) {
    const std::string expectation = state_->Expectation();
    state_->levels.pop_back();
    return state_->Fail(expectation);
  }
  state_->levels.pop_back();
  state_->EndValue();
  return true;
}

bool ExperimentChecker::StartArray() {
  if (state_->in_vector) return state_->Fail("an array inside a vector");
  if (!state_->BeginValue()) return false;
  if (!state_->validator.StartArray()) {
    return state_->Fail(absl::StrCat(state_->Expectation(), ", found an array"));
  }
  state_->in_vector = state_->VectorStartsHere();
  state_->levels.emplace_back();
  state_->levels.back().is_array = true;
  return true;
}

bool ExperimentChecker::EndArray(uint32_t elements) {
  if (!state_->status.ok()) return false;
  state_->in_vector = false;
  state_->levels.pop_back();
  if (!state_->validator.EndArray(elements)) return state_->Fail(state_->Expectation());
  state_->EndValue();
  return true;
}

void ExperimentChecker::SkipElements(int64_t elements) {
  if (state_->status.ok()) state_->levels.back().index += elements;
}

bool ExperimentChecker::InVector() const { return state_->in_vector; }

std::string ExperimentChecker::Path() const { return state_->Path(); }

const absl::Status& ExperimentChecker::status() const { return state_->status; }

absl::Status ExperimentChecker::Finish() const {
  if (!state_->status.ok() || state_->finished) return state_->status;
  return absl::InvalidArgumentError(
      absl::StrCat("at ", state_->Path(), ": the document ends here, before its end"));
}

}  // namespace forensics::schema
