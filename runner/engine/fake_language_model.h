// A model that costs nothing and whose every number can be told in advance, for tests of what is
// around it.
#ifndef RUNNER_ENGINE_FAKE_LANGUAGE_MODEL_H_
#define RUNNER_ENGINE_FAKE_LANGUAGE_MODEL_H_

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/engine/language_model.h"
#include "runner/ops/kernel_log.h"

namespace forensics::runner {

// Sequence b at position p with token t, layer l (0 .. layers - 1):
//   hidden state [2]: {100 * l + p, t};  key, 2 heads of 2: {p, b, 10 * l, t}
//   the next token is (t + 1) % vocab, with logit 1 where all others have 0.
class FakeLanguageModel : public LanguageModel {
 public:
  static constexpr int kVocab = 16;
  int layers = 3;
  int resets = 0;
  int fail_at_pass = -1;

  absl::Status Reset(int64_t batch, int64_t capacity) override {
    ++resets;
    pass_ = 0;
    length_ = 0;
    batch_ = batch;
    capacity_ = capacity;
    return absl::OkStatus();
  }

  absl::StatusOr<at::Tensor> Forward(const TokenBatch& tokens, int64_t logits_to_keep,
                                     Observer* observer) override {
    const int64_t count = static_cast<int64_t>(tokens[0].size());
    if (pass_++ == fail_at_pass) return absl::InternalError("the fake failed as asked");
    if (static_cast<int64_t>(tokens.size()) != batch_ || length_ + count > capacity_) {
      return absl::InvalidArgumentError(absl::StrCat("batch or capacity exceeded"));
    }
    RecordKernel("fake", {{"vocab", kVocab}}, batch_ * count);
    for (int layer = 0; layer < layers; ++layer) {
      Show(tokens, layer, observer);
      if (observer != nullptr) observer->AfterLayer(layer);
    }
    const at::Tensor logits = at::zeros({batch_, logits_to_keep, kVocab});
    for (int64_t b = 0; b < batch_; ++b) {
      for (int64_t i = 0; i < logits_to_keep; ++i) {
        const int64_t token = tokens[b][count - logits_to_keep + i];
        logits[b][i][(token + 1) % kVocab].fill_(1);
      }
    }
    length_ += count;
    return logits;
  }

 private:
  void Show(const TokenBatch& tokens, int layer, Observer* observer) const {
    if (observer == nullptr || !observer->WantsLayer(layer)) return;
    const int64_t count = static_cast<int64_t>(tokens[0].size());
    const at::Tensor hidden = at::empty({batch_, count, 2});
    // As a real cache holds keys: head-major, with room behind.
    const at::Tensor keys = at::empty({batch_, 2, count + 5, 2}).narrow(2, 0, count);
    for (int64_t b = 0; b < batch_; ++b) {
      for (int64_t i = 0; i < count; ++i) {
        const float position = static_cast<float>(length_ + i);
        const float token = static_cast<float>(tokens[b][i]);
        hidden[b][i][0].fill_(100.0f * layer + position);
        hidden[b][i][1].fill_(token);
        keys[b][0][i][0].fill_(position);
        keys[b][0][i][1].fill_(static_cast<float>(b));
        keys[b][1][i][0].fill_(10.0f * layer);
        keys[b][1][i][1].fill_(token);
      }
    }
    observer->OnHiddenStates(layer, hidden);
    observer->OnKeys(layer, keys);
  }

  int pass_ = 0;
  int64_t batch_ = 0, capacity_ = 0, length_ = 0;
};

}  // namespace forensics::runner

#endif  // RUNNER_ENGINE_FAKE_LANGUAGE_MODEL_H_
