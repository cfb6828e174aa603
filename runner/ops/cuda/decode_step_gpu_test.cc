// The decode step against float64 on the CPU: each stage from what the GPU had before it.
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "runner/cuda/graph.h"
#include "runner/ops/cuda/decode_step.h"
#include "runner/ops/cuda/decode_test_model.h"
#include "runner/ops/cuda/quantized_gemv.h"

namespace forensics::runner {
namespace {

// The bfloat16 in the lower half of tagged words.
at::Tensor Untagged(const at::Tensor& words) {
  const at::Tensor host = words.cpu();
  return host.view(at::kBFloat16).view({-1, 2}).select(1, 0).contiguous().view(host.sizes());
}

// ---- Float64 -----------------------------------------------------------------------------------

at::Tensor Wide(const at::Tensor& t) { return t.cpu().to(at::kDouble); }
at::Tensor Rounded(const at::Tensor& t) {
  return t.to(at::kFloat).to(at::kBFloat16).to(at::kDouble);
}

// x [width] with Hugging Face's two roundings.
at::Tensor NormOf(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const double scale = 1 / std::sqrt(x.square().mean().item<double>() + eps);
  return Rounded(Rounded(x * scale) * Wide(weight));
}

// Heads of a token, [head_dim] each, normalised and rotated.
at::Tensor TurnedHead(const at::Tensor& head, const at::Tensor& norm, const DecodeTensors& m,
                      int64_t position) {
  const int64_t half = head.numel() / 2;
  const at::Tensor x = NormOf(head, norm, m.eps);
  const at::Tensor low = x.narrow(0, 0, half), high = x.narrow(0, half, half);
  const at::Tensor cos = Wide(m.cos[position]), sin = Wide(m.sin[position]);
  at::Tensor out = at::empty_like(x);
  out.narrow(0, 0, half).copy_(Rounded(Rounded(low * cos) - Rounded(high * sin)));
  out.narrow(0, half, half).copy_(Rounded(Rounded(high * cos) + Rounded(low * sin)));
  return out;
}

// query [head_dim], keys and values [length, head_dim] -> [head_dim].
at::Tensor AttentionOf(const at::Tensor& query, const at::Tensor& keys, const at::Tensor& values,
                       DecodeAttention attention) {
  const double scale = 1 / std::sqrt(static_cast<double>(query.numel()));
  at::Tensor scores = at::mv(keys, query);
  const bool eager = attention == DecodeAttention::kEager;
  scores = eager ? Rounded(Rounded(scores) * scale) : scores * scale;
  at::Tensor weights = scores.softmax(0);
  if (eager) weights = Rounded(weights);
  return at::mv(values.t().contiguous(), weights);
}

// What each stage should have left, from what the GPU has.
struct Expected {
  at::Tensor qkv, keys, attended, router_logits, inner, hidden, logits;  // [batch, ...]
};

class Reference {
 public:
  Reference(const DecodeTensors& model, const DecodeScratchTensors& scratch, int64_t position)
      : m_(model), d_(model.dims), scratch_(scratch), position_(position) {}

  Expected Compute() {
    const int64_t batch = m_.token_ids.numel(), heads = d_.heads * d_.head_dim;
    const auto rows = [&](int64_t width) { return at::zeros({batch, width}, at::kDouble); };
    Expected e = {rows((d_.heads + 2 * d_.kv_heads) * d_.head_dim),
                  rows(d_.kv_heads * d_.head_dim),
                  rows(heads),
                  rows(d_.experts),
                  rows(d_.slots * d_.width),
                  rows(d_.hidden),
                  rows(d_.vocab)};
    const DecodeLayerTensors& layer = m_.layers[0];
    const at::Tensor qkv = ExactWeight(layer.qkv, 0), o_proj = ExactWeight(layer.o_proj, 0);
    const at::Tensor lm_head = Wide(m_.lm_head);
    for (int64_t b = 0; b < batch; ++b) {
      at::Tensor hidden = Wide(m_.embedding[m_.token_ids[b].item<int64_t>()]);
      e.qkv[b].copy_(at::mv(qkv, NormOf(hidden, layer.input_norm, m_.eps)));
      Attend(b, e);
      hidden = Rounded(hidden + Rounded(at::mv(o_proj, Wide(Untagged(scratch_.attended)[b]))));
      const at::Tensor x = NormOf(hidden, layer.post_attention_norm, m_.eps);
      e.router_logits[b].copy_(at::mv(Wide(layer.router), x));
      e.hidden[b].copy_(hidden + MixExperts(b, x, e));
      e.logits[b].copy_(at::mv(lm_head, NormOf(Wide(scratch_.residual[b]), m_.final_norm, m_.eps)));
    }
    return e;
  }

 private:
  void Attend(int64_t b, Expected& e) {
    const DecodeLayerTensors& layer = m_.layers[0];
    const at::Tensor qkv = Wide(Untagged(scratch_.qkv)[b]);
    const auto head = [&](int64_t h) { return qkv.narrow(0, h * d_.head_dim, d_.head_dim); };
    for (int64_t kv = 0; kv < d_.kv_heads; ++kv) {
      e.keys[b]
          .narrow(0, kv * d_.head_dim, d_.head_dim)
          .copy_(TurnedHead(head(d_.heads + kv), layer.key_norm, m_, position_));
      const at::Tensor keys = Wide(layer.keys[b][kv].narrow(0, 0, position_ + 1));
      const at::Tensor values = Wide(layer.values[b][kv].narrow(0, 0, position_ + 1));
      const int64_t group = d_.heads / d_.kv_heads;
      for (int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        e.attended[b]
            .narrow(0, h * d_.head_dim, d_.head_dim)
            .copy_(AttentionOf(TurnedHead(head(h), layer.query_norm, m_, position_), keys, values,
                               m_.attention));
      }
    }
  }

  at::Tensor MixExperts(int64_t b, const at::Tensor& x, Expected& e) {
    const DecodeLayerTensors& layer = m_.layers[0];
    at::Tensor sum = at::zeros({d_.hidden}, at::kDouble);
    for (int64_t slot = 0; slot < d_.slots; ++slot) {
      const int64_t expert = layer.expert_ids[b][slot].item<int32_t>();
      const at::Tensor gate_up = Rounded(at::mv(ExactWeight(layer.gate_up, expert), x));
      const at::Tensor gate = gate_up.narrow(0, 0, d_.width);
      const at::Tensor silu = Rounded(gate / (1 + (-gate).exp()));
      e.inner[b]
          .narrow(0, slot * d_.width, d_.width)
          .copy_(silu * gate_up.narrow(0, d_.width, d_.width));
      const at::Tensor inner = Wide(Untagged(scratch_.inner)[b][slot]);
      sum += layer.expert_weights[b][slot].item<double>() *
             Rounded(at::mv(ExactWeight(layer.down, expert), inner));
    }
    return sum;
  }

  const DecodeTensors& m_;
  const DecodeDims& d_;
  const DecodeScratchTensors& scratch_;
  const int64_t position_;
};

// ---- Comparison --------------------------------------------------------------------------------

// A bfloat16 result: as far from the exact one as rounding brings it, and no further anywhere.
void ExpectRounded(const char* name, const at::Tensor& found, const at::Tensor& expected,
                   double most, double least = 3e-4) {
  const at::Tensor f = Wide(found).reshape({-1}), e = expected.reshape({-1});
  ASSERT_EQ(f.numel(), e.numel()) << name;
  const double size = e.norm().item<double>();
  const double error = (f - e).norm().item<double>() / size;
  EXPECT_GE(error, least) << name;
  EXPECT_LT(error, most) << name;
  const double largest = (f - e).abs().max().item<double>();
  const double peak = e.abs().max().item<double>();
  EXPECT_LT(largest, 8 * most * peak) << name << ", largest element " << peak;
}

void ExpectSameBits(const char* name, const at::Tensor& found, const at::Tensor& expected) {
  const auto bits = [](const at::Tensor& t) { return t.cpu().contiguous().view(at::kByte); };
  EXPECT_TRUE(at::equal(bits(found), bits(expected))) << name;
}

// ids and weights against the choice from the logits that the GPU had.
void ExpectChoice(const DecodeTensors& m, const DecodeScratchTensors& scratch) {
  const DecodeLayerTensors& layer = m.layers[0];
  for (int64_t b = 0; b < m.token_ids.numel(); ++b) {
    const at::Tensor logits = Wide(Untagged(scratch.router_logits)[b]);
    std::vector<int64_t> order(m.dims.experts);
    for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
    const double* values = logits.const_data_ptr<double>();
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t i, int64_t j) { return values[i] > values[j]; });
    const at::Tensor all = logits.softmax(0);
    double sum = 0;
    for (int64_t s = 0; s < m.dims.slots; ++s) sum += all[order[s]].item<double>();
    for (int64_t s = 0; s < m.dims.slots; ++s) {
      EXPECT_EQ(layer.expert_ids[b][s].item<int32_t>(), order[s]) << "token " << b << " slot " << s;
      const double exact = all[order[s]].item<double>() / (m.normalise ? sum : 1);
      EXPECT_NEAR(layer.expert_weights[b][s].item<double>(), exact, exact / 250);
    }
  }
}

void Poison(const DecodeScratchTensors& s, const DecodeTensors& m) {
  for (at::Tensor t : {s.input, s.middle, s.residual, s.qkv, s.attended, s.router_logits, s.inner,
                       s.partial, s.block_stats, s.largest, s.totals, s.scores, m.logits}) {
    if (t.defined()) t.view(at::kByte).fill_(255);
  }
}

struct Case {
  const char* name;
  TestModelOptions options;
};
std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

// A test whose first use of libtorch's GPU is not a question to the driver.
class ModelTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { at::zeros({1}, at::TensorOptions(at::kCUDA)); }
};

class DecodeStepTest : public ModelTest {};

TEST_P(DecodeStepTest, EachStageIsNearFloat64) {
  const TestModelOptions& o = GetParam().options;
  if (!DecodeStep::Supports(o.dims, o.batch)) GTEST_SKIP() << "not for this GPU";
  const DecodeTensors m = MakeTestModel(o);
  const DecodeStep step(m);
  Poison(step.scratch(), m);
  step.Launch();
  const Expected e = Reference(m, step.scratch(), o.position).Compute();

  const DecodeLayerTensors& layer = m.layers[0];
  const DecodeScratchTensors& s = step.scratch();
  ExpectRounded("qkv", Untagged(s.qkv), e.qkv, 3e-3);
  const int64_t kv = o.dims.kv_heads * o.dims.head_dim;
  ExpectSameBits("values", layer.values.select(2, o.position).reshape({o.batch, kv}),
                 Untagged(s.qkv).narrow(1, s.qkv.size(1) - kv, kv));
  const at::Tensor keys = Wide(layer.keys.select(2, o.position)).reshape({o.batch, kv});
  EXPECT_LT((keys - e.keys).abs().max().item<double>(), 0.04);
  EXPECT_LT((keys - e.keys).norm().item<double>(), 1e-3 * e.keys.norm().item<double>());
  ExpectRounded("attended", Untagged(s.attended), e.attended, 6e-3,
                o.position == 0 ? 0 : 3e-4);  // of one key the output is its value
  ExpectRounded("router_logits", Untagged(s.router_logits), e.router_logits,
                8e-3);  // few, and the residual stream may be rounded the other way
  ExpectChoice(m, s);
  ExpectRounded("inner", Untagged(s.inner), e.inner, 5e-3);
  ExpectRounded("residual", s.residual, e.hidden, 4e-3);
  ExpectSameBits("hidden_states", layer.hidden_states, s.residual);
  ExpectRounded("logits", m.logits, e.logits, 3e-3);
}

TestModelOptions Mini(int64_t batch, int64_t position) {
  TestModelOptions o;
  o.dims = MiniDims();
  o.batch = batch;
  o.position = position;
  return o;
}
TestModelOptions Big(int64_t batch, int64_t position) {
  TestModelOptions o = Mini(batch, position);
  o.dims = Qwen3_30bDims();
  o.dims.vocab = 4096;
  o.capacity = 2000;
  return o;
}
TestModelOptions WithNf4(TestModelOptions o) {
  o.nf4 = true;
  return o;
}
TestModelOptions Eager(TestModelOptions o) {
  o.attention = DecodeAttention::kEager;
  return o;
}
TestModelOptions NotNormalised(TestModelOptions o) {
  o.normalise = false;
  return o;
}

INSTANTIATE_TEST_SUITE_P(
    Models, DecodeStepTest,
    testing::Values(
        Case{"mini_first_position", Mini(1, 0)}, Case{"mini", Mini(1, 500)},
        Case{"mini_end_of_block", Mini(1, 191)}, Case{"mini_begin_of_block", Mini(1, 192)},
        Case{"mini_batch_2", Mini(2, 193)}, Case{"mini_batch_3", Mini(3, 450)},
        Case{"mini_batch_8", Mini(8, 333)}, Case{"mini_nf4", WithNf4(Mini(1, 500))},
        Case{"mini_nf4_batch_4", WithNf4(Mini(4, 63))}, Case{"mini_eager", Eager(Mini(1, 500))},
        Case{"mini_eager_batch_8", Eager(Mini(8, 639))},
        Case{"mini_not_normalised", NotNormalised(Mini(2, 100))}, Case{"big", Big(1, 1999)},
        Case{"big_batch_2", Big(2, 1500)}, Case{"big_batch_4", Big(4, 577)},
        Case{"big_batch_8", Big(8, 1999)}, Case{"big_nf4", WithNf4(Big(1, 900))},
        Case{"big_nf4_batch_4", WithNf4(Big(4, 30))}, Case{"big_eager", Eager(Big(1, 1999))},
        Case{"big_eager_batch_4", Eager(Big(4, 1999))},
        Case{"big_not_normalised", NotNormalised(Big(1, 10))}),
    [](const testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });

// ---- Bits --------------------------------------------------------------------------------------

class DecodeStepBitsTest : public ModelTest {};

// Several layers in one kernel, weights and cache fetched ahead, are one layer after the other.
TEST_P(DecodeStepBitsTest, LayersInOneKernelAreLayersOneByOne) {
  TestModelOptions o = GetParam().options;
  o.layers = 3;
  if (!DecodeStep::Supports(o.dims, o.batch)) GTEST_SKIP() << "not for this GPU";
  const DecodeTensors m = MakeTestModel(o);
  const DecodeStep step(m);
  Poison(step.scratch(), m);
  step.Launch();
  at::Tensor hidden = m.embedding.index_select(0, m.token_ids);
  for (const DecodeLayerTensors& layer : m.layers) {
    DecodeTensors single = m;
    single.layers = {layer};
    single.layers[0].hidden_states = at::empty_like(hidden);
    single.logits = at::empty_like(m.logits);
    single.embedding = m.embedding.clone();
    single.embedding.index_copy_(0, m.token_ids, hidden);
    DecodeStep(single).Launch();
    hidden = single.layers[0].hidden_states.clone();
    ExpectSameBits("hidden", layer.hidden_states, hidden);
  }
}

// Twenty replays of a graph, into poisoned memory, leave the same bits.
TEST_P(DecodeStepBitsTest, ReplaysAreEqual) {
  TestModelOptions o = GetParam().options;
  o.layers = 2;
  if (!DecodeStep::Supports(o.dims, o.batch)) GTEST_SKIP() << "not for this GPU";
  const DecodeTensors m = MakeTestModel(o);
  const DecodeStep step(m);
  step.Launch();
  const at::Tensor logits = m.logits.clone(), hidden = m.layers[1].hidden_states.clone();
  const auto graph = CudaGraph::Capture([&] { step.Launch(); });
  for (int i = 0; i < 20; ++i) {
    Poison(step.scratch(), m);
    graph->Replay();
    ExpectSameBits("hidden", m.layers[1].hidden_states, hidden);
    ExpectSameBits("logits", m.logits, logits);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Models, DecodeStepBitsTest,
    testing::Values(Case{"mini", Mini(1, 500)}, Case{"mini_batch_4", Mini(4, 639)},
                    Case{"mini_eager", Eager(Mini(2, 500))}, Case{"big", Big(1, 1999)},
                    Case{"big_batch_2", Big(2, 1999)}, Case{"big_batch_4", Big(4, 1999)},
                    Case{"big_batch_8", Big(8, 1000)}, Case{"big_nf4", WithNf4(Big(1, 1999))},
                    Case{"big_eager_batch_4", Eager(Big(4, 1999))}),
    [](const testing::TestParamInfo<Case>& info) { return std::string(info.param.name); });

// ---- One product -------------------------------------------------------------------------------

TEST(QuantizedGemvTest, IsNearFloat64) {
  for (const bool nf4 : {false, true}) {
    for (const int64_t rows : {1, 3, 8}) {
      TestModelOptions o = nf4 ? WithNf4(Mini(1, 1)) : Mini(1, 1);
      o.dims = Qwen3_30bDims();
      o.dims.vocab = 16;
      o.dims.experts = 8;
      const DecodeLayerTensors layer = MakeTestModel(o).layers[0];
      for (const QuantizedWeight* weight : {&layer.qkv, &layer.o_proj}) {
        const at::Tensor x =
            at::randn({rows, weight->columns}, at::TensorOptions(at::kCUDA).dtype(at::kBFloat16));
        const at::Tensor out = QuantizedGemv(x, *weight);
        ExpectRounded("out", out, Wide(x).matmul(ExactWeight(*weight, 0).t()), 3e-3);
        for (int i = 0; i < 20; ++i) ExpectSameBits("again", QuantizedGemv(x, *weight), out);
      }
    }
  }
}

}  // namespace
}  // namespace forensics::runner
