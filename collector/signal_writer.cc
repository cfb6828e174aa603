#include "collector/signal_writer.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "schema/experiment_json.h"
#include "schema/float_text.h"

namespace forensics::collector {
namespace {

namespace key = schema::key;

struct VectorText {
  std::string elements;
  size_t count = 0;
};

struct LogProbsText {
  VectorText token_ids;
  VectorText log_probs;
};

// One position's signals as JSON text, by layer.
struct PositionText {
  std::vector<VectorText> hidden_states;
  std::vector<VectorText> keys;
  LogProbsText top;
  LogProbsText reference;
};

absl::Status Format(const schema::Values& values, VectorText& text) {
  text.elements.clear();
  text.count = values.data().size() / std::max<size_t>(1, schema::BytesPerElement(values.dtype()));
  return schema::AppendElements(values, text.elements);
}

absl::Status Format(const schema::LogProbs& log_probs, LogProbsText& text) {
  text.token_ids.elements = absl::StrJoin(log_probs.token_ids(), ",");
  text.token_ids.count = static_cast<size_t>(log_probs.token_ids_size());
  return Format(log_probs.log_probs(), text.log_probs);
}

absl::Status Format(const schema::PositionRecord& position, PositionText& text) {
  const size_t layers = static_cast<size_t>(position.layers_size());
  text.hidden_states.resize(layers);
  text.keys.resize(layers);
  absl::Status status = Format(position.top_log_probs(), text.top);
  for (size_t i = 0; i < layers; ++i) {
    const schema::LayerSignals& signals = position.layers(static_cast<int>(i));
    status.Update(Format(signals.hidden_state(), text.hidden_states[i]));
    status.Update(Format(signals.key(), text.keys[i]));
  }
  if (position.has_reference_log_probs()) {
    status.Update(Format(position.reference_log_probs(), text.reference));
  }
  return status;
}

// Writes the steps one after the other, with the texts of the window's positions at hand.
class StepWriter {
 public:
  StepWriter(const schema::Repetition& repetition, int window, JsonWriter& json)
      : repetition_(repetition),
        texts_(std::min(static_cast<size_t>(window), repetition.positions.size())),
        json_(json) {
    for (const schema::LayerSignals& layer : repetition.positions.front().layers()) {
      layers_.push_back(schema::LayerName(layer.layer()));
    }
    for (size_t i = 1; i <= texts_.size(); ++i) {
      names_.push_back(schema::PositionName(-static_cast<int>(i)));
    }
  }

  absl::Status Write(const schema::StepRecord& step) {
    if (absl::Status status = AdvanceTo(step.step()); !status.ok()) return status;
    json_.Break();
    json_.StartObject();
    json_.Key(key::kStep);
    json_.Int(step.step());
    json_.Key(key::kTokenId);
    json_.Int(step.token_id());
    json_.Key(key::kTokenText);
    json_.String(step.token_text());
    json_.Key(key::kFedTokenId);
    json_.Int(step.fed_token_id());
    WriteLayers(key::kHiddenStates, &PositionText::hidden_states);
    WriteLayers(key::kKeyVectors, &PositionText::keys);
    WriteLogProbs(key::kLogprobs, &PositionText::top);
    if (repetition_.positions[end_ - 1].has_reference_log_probs()) {
      WriteLogProbs(key::kReferenceLogProbs, &PositionText::reference);
    }
    json_.EndObject();
    return json_.status();
  }

 private:
  // Formats the positions that `step` has computed.
  absl::Status AdvanceTo(int step) {
    while (end_ < repetition_.positions.size() &&
           repetition_.positions[end_].computed_at_step() <= step) {
      absl::Status status = Format(repetition_.positions[end_], texts_[end_ % texts_.size()]);
      if (!status.ok()) return status;
      ++end_;
    }
    return absl::OkStatus();
  }

  // Calls `visit` with name and text of the window's positions, pos_-3 first.
  template <typename Visit>
  void ForWindow(const Visit& visit) {
    for (size_t back = std::min(end_, texts_.size()); back > 0; --back) {
      visit(names_[back - 1], texts_[(end_ - back) % texts_.size()]);
    }
  }

  void WriteLayers(const char* name, std::vector<VectorText> PositionText::*signal) {
    json_.Break();
    json_.Key(name);
    json_.StartObject();
    for (size_t layer = 0; layer < layers_.size(); ++layer) {
      json_.Key(layers_[layer]);
      json_.StartObject();
      ForWindow([&](const std::string& position, const PositionText& text) {
        const VectorText& vector = (text.*signal)[layer];
        json_.Key(position);
        json_.Vector(vector.elements, vector.count);
      });
      json_.EndObject();
    }
    json_.EndObject();
  }

  void WriteLogProbs(const char* name, LogProbsText PositionText::*signal) {
    json_.Break();
    json_.Key(name);
    json_.StartObject();
    ForWindow([&](const std::string& position, const PositionText& text) {
      const LogProbsText& log_probs = text.*signal;
      json_.Key(position);
      json_.StartObject();
      json_.Key(key::kTokenIds);
      json_.Vector(log_probs.token_ids.elements, log_probs.token_ids.count);
      json_.Key(key::kLogProbs);
      json_.Vector(log_probs.log_probs.elements, log_probs.log_probs.count);
      json_.EndObject();
    });
    json_.EndObject();
  }

  const schema::Repetition& repetition_;
  std::vector<PositionText> texts_;  // a ring
  JsonWriter& json_;
  std::vector<std::string> layers_;
  std::vector<std::string> names_;  // pos_-1 first
  size_t end_ = 0;                  // positions formatted so far
};

}  // namespace

absl::Status WriteSteps(const schema::Repetition& repetition, int window, JsonWriter& json) {
  StepWriter writer(repetition, window, json);
  json.StartArray();
  for (const schema::StepRecord& step : repetition.steps) {
    if (absl::Status status = writer.Write(step); !status.ok()) return status;
  }
  json.EndArray();
  return json.status();
}

}  // namespace forensics::collector
