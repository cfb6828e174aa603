// A planted fault, for tests of the instrument itself: is a single flipped bit found?
#ifndef RUNNER_CAPTURE_BIT_FLIP_H_
#define RUNNER_CAPTURE_BIT_FLIP_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runner/capture/observer.h"

namespace forensics::runner {

// Where: repetition, step and layer; which element of the last position's residual stream.
struct BitFlip {
  int repetition = 0;
  int step = 0;
  int layer = 0;
  int64_t element = 0;
};

// "1:5:4:17": repetition 1, step 5, layer 4, element 17, all 0-based.
absl::StatusOr<BitFlip> ParseBitFlip(absl::string_view text);

// InvalidArgument naming the part of `flip` that a run of this shape does not reach.
absl::Status CheckBitFlip(const BitFlip& flip, int repetitions, int steps, int layers,
                          int64_t hidden_size);

// Passes everything on to another observer, and flips the lowest bit of one element in the model's
// own residual stream, so that whatever the model computes from it changes as well.
class BitFlipper : public Observer {
 public:
  BitFlipper(const BitFlip& flip, Observer* next) : flip_(flip), next_(next) {}

  void BeginStep(int step) { step_ = step; }

  bool WantsLayer(int layer) const override;
  bool ChangesHiddenStates(int layer) const override { return IsHere(layer); }
  void OnHiddenStates(int layer, const at::Tensor& hidden_states) override;
  void OnKeys(int layer, const at::Tensor& keys) override;
  void AfterLayer(int layer) override { next_->AfterLayer(layer); }

 private:
  bool IsHere(int layer) const { return step_ == flip_.step && layer == flip_.layer; }

  BitFlip flip_;
  Observer* next_;
  int step_ = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_CAPTURE_BIT_FLIP_H_
