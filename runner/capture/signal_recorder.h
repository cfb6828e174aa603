// The observer that keeps the signals of the last positions of every forward pass.
#ifndef RUNNER_CAPTURE_SIGNAL_RECORDER_H_
#define RUNNER_CAPTURE_SIGNAL_RECORDER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "runner/capture/observer.h"
#include "schema/run.pb.h"

namespace forensics::runner {

// Use: BeginStep, a forward pass with this observer, EndStep; for every step in turn; then Take.
// Copies sequence 0 alone, bit for bit, and leaves digests to Take, outside of what is timed.
class SignalRecorder : public Observer {
 public:
  // `extraction` is resolved: its layers are the model's own, ascending.
  explicit SignalRecorder(const schema::ExtractionConfig& extraction);

  // The pass of `step` is about to compute the `tokens` positions from `first_position` on.
  // Returns how many of them, the last ones, will be kept: the logits that EndStep wants.
  int64_t BeginStep(int step, int64_t first_position, int64_t tokens);

  // `logits` [kept, vocab_size], any floating dtype, of the kept positions. `reference_ids`, if not
  // empty, has for each of them the token ids at which log-probs are kept as well.
  // Returns the token with the largest logit at the last position, ties by lower id.
  int64_t EndStep(const at::Tensor& logits, const std::vector<std::vector<int64_t>>& reference_ids);

  // The positions so far, with digests; the recorder is empty afterwards.
  std::vector<schema::PositionRecord> Take();

  bool WantsLayer(int layer) const override;
  void OnHiddenStates(int layer, const at::Tensor& hidden_states) override;
  void OnKeys(int layer, const at::Tensor& keys) override;

 private:
  // The record of the i-th kept position of this step, and its entry for `layer`.
  schema::PositionRecord& Kept(int64_t i) { return positions_[positions_.size() - kept_ + i]; }
  schema::LayerSignals* SignalsOf(int64_t i, int layer);

  schema::ExtractionConfig extraction_;
  std::vector<schema::PositionRecord> positions_;
  int64_t kept_ = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_CAPTURE_SIGNAL_RECORDER_H_
