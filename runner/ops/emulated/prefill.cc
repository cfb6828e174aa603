#include "runner/ops/emulated/prefill.h"

#include <algorithm>

#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/row_kernels.h"
#include "runner/ops/tensor_core/product_recipes.h"

namespace forensics::runner {
namespace {

constexpr int64_t kRowGrain = 32;

using Rows = std::vector<uint16_t>;  // [rows, width]

// One pass of a sequence.
class Prefill {
 public:
  Prefill(const EmulatedDecodeModel& model, int64_t tokens, ParallelForFunction parallel_for)
      : model_(model), d_(model.dims), tokens_(tokens), parallel_for_(parallel_for) {}

  Rows Run(const std::vector<EmulatedDenseLayer>& dense, const uint16_t* embeddings, int64_t keep,
           const EmulatedLayerFunction& after_layer) const {
    Rows hidden(embeddings, embeddings + tokens_ * d_.hidden);
    Rows x = Norm(hidden, model_.layers[0].input_norm);
    for (size_t i = 0; i < model_.layers.size(); ++i) {
      const EmulatedDecodeLayer& layer = model_.layers[i];
      const Rows attended = Attend(layer, Linear(x, dense[i].qkv, QkvWidth(), d_.hidden));
      const Rows output = Linear(attended, dense[i].o_proj, d_.hidden, d_.heads * d_.head_dim);
      x = AddNorm(hidden, output, layer.post_attention_norm);
      const Rows mixed = MixExperts(layer, dense[i], x);
      const bool is_last = i + 1 == model_.layers.size();
      x = AddNorm(hidden, mixed, is_last ? model_.final_norm : model_.layers[i + 1].input_norm);
      after_layer(static_cast<int64_t>(i), hidden);
    }
    const Rows last(x.end() - keep * d_.hidden, x.end());
    return Linear(last, model_.lm_head, d_.vocab, d_.hidden);
  }

 private:
  int64_t QkvWidth() const { return (d_.heads + 2 * d_.kv_heads) * d_.head_dim; }

  Rows Norm(const Rows& x, const uint16_t* weight) const {
    Rows out(x.size());
    parallel_for_(tokens_, kRowGrain, [&](int64_t begin, int64_t end) {
      RmsNormTwin(x.data(), weight, model_.eps, d_.hidden, begin, end, out.data());
    });
    return out;
  }

  Rows AddNorm(Rows& residual, const Rows& x, const uint16_t* weight) const {
    Rows out(x.size());
    parallel_for_(tokens_, kRowGrain, [&](int64_t begin, int64_t end) {
      AddRmsNormTwin(residual.data(), x.data(), weight, model_.eps, d_.hidden, begin, end,
                     out.data());
    });
    return out;
  }

  // x [rows, in] times weight [out, in] transposed, rounded. multiply(x, rows, weight, sums) fills
  // sums [rows, out] of some of the rows.
  template <typename Multiply>
  Rows Product(const Rows& x, const uint16_t* weight, int64_t out, int64_t in,
               const Multiply& multiply) const {
    const int64_t rows = static_cast<int64_t>(x.size()) / in;
    const PackedColumns packed(model_.core, InputFormat::kBfloat16, weight, out, in, in);
    Rows product(rows * out);
    parallel_for_(rows, kRowGrain, [&](int64_t begin, int64_t end) {
      std::vector<float> sums((end - begin) * out);
      multiply(x.data() + begin * in, end - begin, packed, sums.data());
      std::transform(sums.begin(), sums.end(), product.begin() + begin * out, ToBfloat16);
    });
    return product;
  }

  // As cuBLAS adds it up.
  Rows Linear(const Rows& x, const uint16_t* weight, int64_t out, int64_t in) const {
    const ProductShape shape = {static_cast<int64_t>(x.size()) / in, out, in};
    return Product(x, weight, out, in,
                   [&](const uint16_t* rows, int64_t count, const PackedColumns& w, float* sums) {
                     MultiplyByRecipe(model_.core, InputFormat::kBfloat16, shape, rows, count, w, 0,
                                      out, sums, out);
                   });
  }

  // As one chain an output.
  Rows Chain(const Rows& x, const uint16_t* weight, int64_t out, int64_t in) const {
    const ChainProduct chain(model_.core, InputFormat::kBfloat16);
    return Product(x, weight, out, in,
                   [&](const uint16_t* rows, int64_t count, const PackedColumns& w, float* sums) {
                     chain.Run(rows, in, count, w, 0, out, 0, in, sums, out);
                   });
  }

  // qkv [tokens, QkvWidth()] -> [tokens, heads * head_dim]; fills the layer's cache.
  Rows Attend(const EmulatedDecodeLayer& layer, const Rows& qkv) const {
    const int64_t dim = d_.head_dim;
    Rows queries(d_.heads * tokens_ * dim);
    parallel_for_(tokens_, kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t token = begin; token < end; ++token) {
        SplitToken(layer, qkv.data() + token * QkvWidth(), token, queries);
      }
    });
    const FlashAttentionShape shape = {d_.heads, d_.kv_heads, tokens_,
                                       tokens_,  dim,         /*is_causal=*/true};
    const int64_t cached_head = model_.capacity * dim;
    Rows output(queries.size());
    std::vector<float> log_sum_exps(d_.heads * tokens_);
    FlashAttention({InputFormat::kBfloat16,
                    shape,
                    {queries.data(), tokens_ * dim, dim},
                    {layer.keys, cached_head, dim},
                    {layer.values, cached_head, dim},
                    output.data(),
                    log_sum_exps.data()},
                   *PlanFlashAttention(shape, kHopperMultiprocessors), parallel_for_);
    Rows joined(output.size());
    for (int64_t head = 0; head < d_.heads; ++head) {
      for (int64_t token = 0; token < tokens_; ++token) {
        std::copy_n(output.data() + (head * tokens_ + token) * dim, dim,
                    joined.data() + (token * d_.heads + head) * dim);
      }
    }
    return joined;
  }

  // Heads of a token: queries [heads, tokens, head_dim], its key and value to the cache.
  void SplitToken(const EmulatedDecodeLayer& layer, const uint16_t* heads, int64_t token,
                  Rows& queries) const {
    const int64_t dim = d_.head_dim;
    const float* cos = model_.cos + token * dim / 2;
    const float* sin = model_.sin + token * dim / 2;
    for (int64_t head = 0; head < d_.heads; ++head) {
      SplitHeadTwin(heads + head * dim, layer.query_norm, model_.eps, cos, sin, dim,
                    queries.data() + (head * tokens_ + token) * dim);
    }
    for (int64_t kv = 0; kv < d_.kv_heads; ++kv) {
      const uint16_t* key = heads + (d_.heads + kv) * dim;
      const int64_t place = (kv * model_.capacity + token) * dim;
      SplitHeadTwin(key, layer.key_norm, model_.eps, cos, sin, dim, layer.keys + place);
      std::copy_n(key + d_.kv_heads * dim, dim, layer.values + place);
    }
  }

  // x [tokens, hidden] -> the same shape.
  Rows MixExperts(const EmulatedDecodeLayer& layer, const EmulatedDenseLayer& dense,
                  const Rows& x) const {
    const Rows logits = Linear(x, layer.router, d_.experts, d_.hidden);
    const int64_t pairs = tokens_ * d_.slots;
    std::vector<int32_t> ids(pairs), place_of(pairs);
    std::vector<float> weights(pairs);
    RouteTokensTwin(logits.data(), d_.experts, d_.slots, model_.normalise, 0, tokens_, ids.data(),
                    weights.data());
    Rows outputs;
    outputs.reserve(pairs * d_.hidden);
    for (int64_t expert = 0; expert < d_.experts; ++expert) {
      Rows chosen;
      for (int64_t pair = 0; pair < pairs; ++pair) {
        if (ids[pair] != expert) continue;
        place_of[pair] = static_cast<int32_t>((outputs.size() + chosen.size()) / d_.hidden);
        const auto row = x.begin() + pair / d_.slots * d_.hidden;
        chosen.insert(chosen.end(), row, row + d_.hidden);
      }
      if (chosen.empty()) continue;
      const Rows output = RunExpert(dense.gate_up[expert], dense.down[expert], chosen);
      outputs.insert(outputs.end(), output.begin(), output.end());
    }
    Rows mixed(x.size());
    parallel_for_(tokens_, kRowGrain, [&](int64_t begin, int64_t end) {
      WeightedSumTwin(outputs.data(), place_of.data(), weights.data(), d_.slots, d_.hidden, begin,
                      end, mixed.data());
    });
    return mixed;
  }

  Rows RunExpert(const uint16_t* gate_up, const uint16_t* down, const Rows& x) const {
    const Rows both = Chain(x, gate_up, 2 * d_.width, d_.hidden);
    const int64_t rows = static_cast<int64_t>(x.size()) / d_.hidden;
    Rows inner(rows * d_.width);
    SwiGluTwin(both.data(), d_.width, 0, rows, inner.data());
    return Chain(inner, down, d_.hidden, d_.width);
  }

  const EmulatedDecodeModel& model_;
  const EmulatedDecodeDims& d_;
  const int64_t tokens_;
  const ParallelForFunction parallel_for_;
};

}  // namespace

std::vector<uint16_t> PrefillTwin(const EmulatedDecodeModel& model,
                                  const std::vector<EmulatedDenseLayer>& dense,
                                  const uint16_t* embeddings, int64_t tokens, int64_t keep,
                                  ParallelForFunction parallel_for,
                                  const EmulatedLayerFunction& after_layer) {
  return Prefill(model, tokens, parallel_for).Run(dense, embeddings, keep, after_layer);
}

}  // namespace forensics::runner
