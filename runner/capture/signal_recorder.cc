#include "runner/capture/signal_recorder.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "runner/ops/log_probs.h"
#include "schema/shard.h"

namespace forensics::runner {
namespace {

using schema::PositionRecord;
using schema::Values;

schema::DType ToDType(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return schema::FLOAT32;
    case at::kBFloat16:
      return schema::BFLOAT16;
    case at::kHalf:
      return schema::FLOAT16;
    default:
      return schema::DTYPE_UNSPECIFIED;
  }
}

// On the CPU, with its innermost dimension contiguous.
at::Tensor Readable(const at::Tensor& tensor) {
  if (!tensor.is_cpu()) return tensor.contiguous().cpu();
  return tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
}

// Appends `count` elements from element `offset` of sequence 0 on; the digest comes later.
void AppendBytes(const at::Tensor& tensor, int64_t offset, int64_t count, Values& values) {
  const size_t width = tensor.element_size();
  values.set_dtype(ToDType(tensor.scalar_type()));
  values.mutable_data()->append(static_cast<const char*>(tensor.data_ptr()) + offset * width,
                                count * width);
}

void SetDigest(Values& values) { values = schema::MakeValues(values.dtype(), values.data()); }

schema::LogProbs ToProto(const at::Tensor& ids, const at::Tensor& log_probs) {
  schema::LogProbs proto;
  const int64_t count = ids.numel();
  const auto* id = ids.data_ptr<int64_t>();
  proto.mutable_token_ids()->Add(id, id + count);
  AppendBytes(log_probs, 0, count, *proto.mutable_log_probs());
  SetDigest(*proto.mutable_log_probs());
  return proto;
}

// The entries of a rank's part of the vocabulary, with their places in the whole list.
schema::LogProbs KeepPart(const schema::LogProbs& whole, const schema::SignalPart& part) {
  schema::LogProbs kept;
  kept.mutable_log_probs()->set_dtype(whole.log_probs().dtype());
  const size_t width = schema::BytesPerElement(whole.log_probs().dtype());
  for (int slot = 0; slot < whole.token_ids_size(); ++slot) {
    const int64_t id = whole.token_ids(slot);
    if (id < part.vocab_begin() || id >= part.vocab_end()) continue;
    kept.add_token_ids(id);
    kept.add_slots(slot);
    kept.mutable_log_probs()->mutable_data()->append(whole.log_probs().data(), slot * width, width);
  }
  SetDigest(*kept.mutable_log_probs());
  return kept;
}

absl::StatusOr<schema::LogProbs> Top(const at::Tensor& logits, int64_t k) {
  absl::StatusOr<TopTokens> top = TopLogProbs(logits, std::min(k, logits.size(1)));
  if (!top.ok()) return top.status();
  return ToProto(top->ids, top->log_probs);
}

absl::StatusOr<schema::LogProbs> At(const at::Tensor& logits, const schema::LogProbs& reference) {
  const at::Tensor ids = at::empty({1, reference.token_ids_size()}, at::kLong);
  std::copy(reference.token_ids().begin(), reference.token_ids().end(), ids.data_ptr<int64_t>());
  absl::StatusOr<at::Tensor> log_probs = LogProbsAt(logits, ids);
  if (!log_probs.ok()) return log_probs.status();
  return ToProto(ids, *log_probs);
}

}  // namespace

SignalRecorder::SignalRecorder(const schema::ExtractionConfig& extraction,
                               std::function<void(int layer)> after_layer,
                               std::optional<schema::SignalPart> part)
    : extraction_(extraction), after_layer_(std::move(after_layer)), part_(std::move(part)) {}

void SignalRecorder::AfterLayer(int layer) {
  if (after_layer_) after_layer_(layer);
}

int64_t SignalRecorder::BeginStep(int step, int64_t first_position, int64_t tokens) {
  tokens_ = tokens;
  kept_ = std::min<int64_t>(tokens, extraction_.window());
  for (int64_t i = 0; i < kept_; ++i) {
    PositionRecord& record = positions_.emplace_back();
    record.set_position(first_position + tokens - kept_ + i);
    record.set_computed_at_step(step);
    for (const int layer : extraction_.layers()) record.add_layers()->set_layer(layer);
  }
  return kept_;
}

bool SignalRecorder::WantsLayer(int layer) const {
  const auto& layers = extraction_.layers();
  return std::find(layers.begin(), layers.end(), layer) != layers.end();
}

schema::LayerSignals& SignalRecorder::SignalsAt(int64_t i, int layer) {
  PositionRecord& record = positions_[positions_.size() - kept_ + i];
  for (schema::LayerSignals& signals : *record.mutable_layers()) {
    if (signals.layer() == layer) return signals;
  }
  return *record.add_layers();  // a layer that was not wanted: EndStep refuses it
}

// Both copy by address: a decode step's few rows are not worth tensor operations.
void SignalRecorder::OnHiddenStates(int layer, const at::Tensor& hidden_states) {
  const at::Tensor rows = Readable(hidden_states.select(0, 0).narrow(0, tokens_ - kept_, kept_));
  for (int64_t i = 0; i < kept_; ++i) {
    AppendBytes(rows, i * rows.stride(0), rows.size(1),
                *SignalsAt(i, layer).mutable_hidden_state());
  }
}

void SignalRecorder::OnKeys(int layer, const at::Tensor& keys) {
  const at::Tensor heads = Readable(keys.select(0, 0).narrow(1, tokens_ - kept_, kept_));
  for (int64_t i = 0; i < kept_; ++i) {
    Values& key = *SignalsAt(i, layer).mutable_key();
    // A position's key is its heads, one after the other.
    for (int64_t head = 0; head < heads.size(0); ++head) {
      AppendBytes(heads, head * heads.stride(0) + i * heads.stride(1), heads.size(2), key);
    }
  }
}

absl::Status SignalRecorder::EndStep(const at::Tensor& logits) {
  if (logits.dim() != 3 || logits.size(0) < 1 || logits.size(1) != kept_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "logits of ", logits.dim(), " dimensions, expected [batch, ", kept_, ", vocab_size]"));
  }
  for (int64_t i = 0; i < kept_; ++i) {
    logits_.push_back(logits.select(0, 0).narrow(0, i, 1).clone());
    const PositionRecord& record = positions_[positions_.size() - kept_ + i];
    for (const schema::LayerSignals& signals : record.layers()) {
      if (record.layers_size() != extraction_.layers_size() ||
          signals.hidden_state().data().empty() || signals.key().data().empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat("the model did not show layer ", signals.layer(), " as it was asked to"));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PositionRecord>> SignalRecorder::Take(
    const std::vector<PositionRecord>& reference) {
  std::map<int64_t, const PositionRecord*> reference_at;
  for (const PositionRecord& record : reference) reference_at[record.position()] = &record;
  for (size_t i = 0; i < positions_.size(); ++i) {
    PositionRecord& record = positions_[i];
    for (schema::LayerSignals& signals : *record.mutable_layers()) {
      SetDigest(*signals.mutable_hidden_state());
      SetDigest(*signals.mutable_key());
    }
    absl::StatusOr<schema::LogProbs> top = Top(logits_[i], extraction_.top_k_logprobs());
    if (!top.ok()) return top.status();
    *record.mutable_top_log_probs() = part_ ? KeepPart(*top, *part_) : *std::move(top);
    const auto found = reference_at.find(record.position());
    if (found == reference_at.end()) continue;
    absl::StatusOr<schema::LogProbs> at = At(logits_[i], found->second->top_log_probs());
    if (!at.ok()) return at.status();
    *record.mutable_reference_log_probs() = part_ ? KeepPart(*at, *part_) : *std::move(at);
  }
  logits_.clear();
  return std::exchange(positions_, {});
}

}  // namespace forensics::runner
