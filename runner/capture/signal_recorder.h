// The observer that keeps the signals of the last positions of every forward pass.
#ifndef RUNNER_CAPTURE_SIGNAL_RECORDER_H_
#define RUNNER_CAPTURE_SIGNAL_RECORDER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runner/capture/observer.h"
#include "schema/run.pb.h"

namespace forensics::runner {

// Use: BeginStep, a forward pass with this observer, EndStep; for every step in turn; then Take.
// Copies sequence 0 alone, bit for bit. While the model runs it only copies: digests and log-probs
// are left to Take, outside of what is timed.
class SignalRecorder : public Observer {
 public:
  // `extraction` is resolved: its layers are the model's own. `after_layer`, if set, is called
  // after each layer of each pass. `part`, if any, is what this rank holds: of the log-probs, which
  // are computed from everyone's logits, the tokens of its part of the vocabulary are kept.
  explicit SignalRecorder(const schema::ExtractionConfig& extraction,
                          std::function<void(int layer)> after_layer = {},
                          std::optional<schema::SignalPart> part = std::nullopt);

  // The pass of `step` is about to compute the `tokens` positions from `first_position` on.
  // Returns how many of them, the last ones, are kept: as many rows of logits are wanted.
  int64_t BeginStep(int step, int64_t first_position, int64_t tokens);

  // `logits` [batch, kept, vocab_size], any floating dtype. InvalidArgument if the shape is
  // another, or if the pass did not show every layer that was wanted.
  absl::Status EndStep(const at::Tensor& logits);

  // The positions so far, with digests and log-probs; the recorder is empty afterwards.
  // `reference`, if not empty, is the reference's positions: log-probs at its ids are stored too,
  // for the positions that both have.
  absl::StatusOr<std::vector<schema::PositionRecord>> Take(
      const std::vector<schema::PositionRecord>& reference);

  bool WantsLayer(int layer) const override;
  void OnHiddenStates(int layer, const at::Tensor& hidden_states) override;
  void OnKeys(int layer, const at::Tensor& keys) override;
  void AfterLayer(int layer) override;

 private:
  // The entry for `layer` of the i-th position of this pass that is kept.
  schema::LayerSignals& SignalsAt(int64_t i, int layer);

  schema::ExtractionConfig extraction_;
  std::function<void(int layer)> after_layer_;
  std::optional<schema::SignalPart> part_;
  std::vector<schema::PositionRecord> positions_;
  std::vector<at::Tensor> logits_;  // one row [1, vocab_size] for each of positions_
  int64_t kept_ = 0;                // of the current pass
  int64_t tokens_ = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_CAPTURE_SIGNAL_RECORDER_H_
