// The one way in which signals leave the model.
#ifndef RUNNER_CAPTURE_OBSERVER_H_
#define RUNNER_CAPTURE_OBSERVER_H_

#include <ATen/core/Tensor.h>

namespace forensics::runner {

// Called by the decoder while it computes; a null Observer* costs one branch a call site. The
// tensors are the model's own, in the dtype it computed them in: an observer copies what it keeps
// and changes nothing.
class Observer {
 public:
  virtual ~Observer() = default;

  // True if the calls below are wanted for decoder layer `layer` (0-based).
  virtual bool WantsLayer(int layer) const = 0;

  // The residual stream after decoder layer `layer`, before the final norm (Hugging Face
  // hidden_states[layer + 1]): [batch, tokens, hidden_size].
  virtual void OnHiddenStates(int layer, const at::Tensor& hidden_states) = 0;

  // True if OnHiddenStates changes what it is shown of `layer`: a planted fault. The model then
  // takes the norm that follows anew, though it has it already from the same pass.
  virtual bool ChangesHiddenStates(int /*layer*/) const { return false; }

  // The keys of the tokens of this pass as the cache holds them, after k_norm and rotary embedding:
  // [batch, num_key_value_heads, tokens, head_dim], possibly strided.
  virtual void OnKeys(int layer, const at::Tensor& keys) = 0;

  // The router's choice in an MoE layer: expert ids (int32, heaviest first) and their weights
  // (float32), both [batch * tokens, experts per token]. Most observers have no use for it.
  virtual void OnExperts(int /*layer*/, const at::Tensor& /*experts*/,
                         const at::Tensor& /*weights*/) {}

  // Decoder layer `layer` is computed, wanted or not: a long prefill can show how far it is.
  virtual void AfterLayer(int /*layer*/) {}
};

}  // namespace forensics::runner

#endif  // RUNNER_CAPTURE_OBSERVER_H_
