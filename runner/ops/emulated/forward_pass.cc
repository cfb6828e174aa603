#include "runner/ops/emulated/forward_pass.h"

#include <algorithm>
#include <memory>

#include "runner/ops/emulated/bfloat16.h"
#include "runner/ops/emulated/eager_attention.h"
#include "runner/ops/emulated/row_kernels.h"
#include "runner/ops/tensor_core/flash_attention.h"
#include "runner/ops/tensor_core/product_recipes.h"

namespace forensics::runner {
namespace {

constexpr int64_t kRowGrain = 32;
constexpr int64_t kTileColumns = 128;  // of a product of many rows

// As in runner/ops/cuda/quantized_gemv.h.
constexpr int64_t kMostFewRows = 8;
constexpr int64_t kFewRowsWarps = 8;

using Rows = std::vector<uint16_t>;  // [rows, width]

class ForwardPass {
 public:
  ForwardPass(const EmulatedDecodeModel& model, const EmulatedTokens& tokens,
              ParallelForFunction parallel_for)
      : model_(model), d_(model.dims), tokens_(tokens), parallel_for_(parallel_for) {}

  absl::StatusOr<Rows> Run(const uint16_t* embeddings, int64_t keep,
                           const EmulatedLayerFunction& after_layer) const {
    Rows hidden(embeddings, embeddings + tokens_.rows() * d_.hidden);
    Rows x = Norm(hidden, model_.layers[0].input_norm);
    for (size_t i = 0; i < model_.layers.size(); ++i) {
      const EmulatedDecodeLayer& layer = model_.layers[i];
      const absl::StatusOr<Rows> attended = AttentionBlock(layer, x);
      if (!attended.ok()) return attended.status();
      x = AddNorm(hidden, *attended, layer.post_attention_norm);
      const absl::StatusOr<Rows> mixed = MixExperts(layer, x);
      if (!mixed.ok()) return mixed.status();
      const bool is_last = i + 1 == model_.layers.size();
      x = AddNorm(hidden, *mixed, is_last ? model_.final_norm : model_.layers[i + 1].input_norm);
      after_layer(static_cast<int64_t>(i), hidden);
    }
    return ByRecipe(LastRows(x, keep), model_.lm_head, d_.vocab, d_.hidden);
  }

 private:
  int64_t QkvWidth() const { return (d_.heads + 2 * d_.kv_heads) * d_.head_dim; }
  int64_t AttendedWidth() const { return d_.heads * d_.head_dim; }

  // Of each sequence the last `keep`.
  Rows LastRows(const Rows& x, int64_t keep) const {
    Rows last;
    for (int64_t sequence = 1; sequence <= tokens_.batch; ++sequence) {
      const auto end = x.begin() + sequence * tokens_.count * d_.hidden;
      last.insert(last.end(), end - keep * d_.hidden, end);
    }
    return last;
  }

  Rows Norm(const Rows& x, const uint16_t* weight) const {
    Rows out(x.size());
    parallel_for_(tokens_.rows(), kRowGrain, [&](int64_t begin, int64_t end) {
      RmsNormTwin(x.data(), weight, model_.eps, d_.hidden, begin, end, out.data());
    });
    return out;
  }

  Rows AddNorm(Rows& residual, const Rows& x, const uint16_t* weight) const {
    Rows out(x.size());
    parallel_for_(tokens_.rows(), kRowGrain, [&](int64_t begin, int64_t end) {
      AddRmsNormTwin(residual.data(), x.data(), weight, model_.eps, d_.hidden, begin, end,
                     out.data());
    });
    return out;
  }

  // x [rows, in] times weight [out, in] transposed, rounded. multiply(x, rows, weight, sums) fills
  // sums [rows, columns] for some of the rows and of the weight's. Threads share tiles, columns
  // outermost, so that each packs a block of the weight for all its tiles.
  template <typename Multiply>
  Rows Product(const Rows& x, const uint16_t* weight, int64_t out, int64_t in,
               const Multiply& multiply) const {
    const int64_t rows = static_cast<int64_t>(x.size()) / in;
    const int64_t row_blocks = (rows + kRowGrain - 1) / kRowGrain;
    const int64_t column_blocks = (out + kTileColumns - 1) / kTileColumns;
    Rows product(rows * out);
    parallel_for_(row_blocks * column_blocks, 1, [&](int64_t begin, int64_t end) {
      std::unique_ptr<PackedColumns> block;
      std::vector<float> sums(kRowGrain * kTileColumns);
      for (int64_t tile = begin; tile < end; ++tile) {
        const int64_t first = tile / row_blocks * kTileColumns, row = tile % row_blocks * kRowGrain;
        const int64_t width = std::min(kTileColumns, out - first);
        const int64_t count = std::min(kRowGrain, rows - row);
        if (block == nullptr || row == 0) {
          block = std::make_unique<PackedColumns>(model_.core, InputFormat::kBfloat16,
                                                  weight + first * in, width, in, in);
        }
        multiply(x.data() + row * in, count, *block, sums.data());
        for (int64_t i = 0; i < count; ++i) {
          std::transform(sums.begin() + i * width, sums.begin() + (i + 1) * width,
                         product.begin() + (row + i) * out + first, ToBfloat16);
        }
      }
    });
    return product;
  }

  // As cuBLAS multiplies.
  Rows ByRecipe(const Rows& x, const uint16_t* weight, int64_t out, int64_t in) const {
    const ProductShape shape = {static_cast<int64_t>(x.size()) / in, out, in};
    return Product(x, weight, out, in,
                   [&](const uint16_t* part, int64_t rows, const PackedColumns& w, float* sums) {
                     MultiplyByRecipe(model_.core, InputFormat::kBfloat16, shape, part, rows, w,
                                      sums);
                   });
  }

  // As one chain an output.
  Rows Chain(const Rows& x, const uint16_t* weight, int64_t out, int64_t in) const {
    const ChainProduct chain(model_.core, InputFormat::kBfloat16);
    return Product(x, weight, out, in,
                   [&](const uint16_t* part, int64_t rows, const PackedColumns& w, float* sums) {
                     std::fill_n(sums, rows * w.rows(), 0.0f);
                     chain.Run(part, in, rows, w, 0, w.rows(), 0, in, sums, w.rows());
                   });
  }

  // A linear layer: few rows are multiplied by its weight in 4 bits, if it has one.
  absl::StatusOr<Rows> Linear(const Rows& x, const LinearWeight& weight, int64_t out,
                              int64_t in) const {
    const int64_t rows = static_cast<int64_t>(x.size()) / in;
    if (weight.IsQuantized() && rows <= kMostFewRows) {
      const auto matrix = weight.Quantized();
      if (!matrix.ok()) return matrix.status();
      const std::vector<float> sums = MultiplyQuantized(
          model_.core, *matrix, x.data(), rows, StridedGroups(in, kFewRowsWarps), parallel_for_);
      Rows rounded(sums.size());
      std::transform(sums.begin(), sums.end(), rounded.begin(), ToBfloat16);
      return rounded;
    }
    const auto dense = weight.Dense();
    if (!dense.ok()) return dense.status();
    return ByRecipe(x, dense->get(), out, in);
  }

  // x [rows, hidden] -> the same shape.
  absl::StatusOr<Rows> AttentionBlock(const EmulatedDecodeLayer& layer, const Rows& x) const {
    const auto qkv = Linear(x, *layer.qkv, QkvWidth(), d_.hidden);
    if (!qkv.ok()) return qkv.status();
    return Linear(Attend(layer, *qkv), *layer.o_proj, d_.hidden, AttendedWidth());
  }

  // qkv [rows, QkvWidth()] -> [rows, AttendedWidth()]; writes the new keys and values.
  Rows Attend(const EmulatedDecodeLayer& layer, const Rows& qkv) const {
    const int64_t dim = d_.head_dim, count = tokens_.count;
    Rows queries(tokens_.rows() * AttendedWidth());  // [batch, heads, count, dim]
    parallel_for_(tokens_.rows(), kRowGrain, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        SplitToken(layer, qkv.data() + row * QkvWidth(), row / count, row % count, queries);
      }
    });
    const FlashAttentionShape shape = {
        tokens_.batch * d_.heads, tokens_.batch * d_.kv_heads, count, tokens_.start + count, dim,
        /*is_causal=*/count > 1};
    const int64_t cached_head = model_.capacity * dim;
    Rows output(queries.size());
    std::vector<float> log_sum_exps(shape.heads * count);
    const FlashAttentionCall call = {model_.core,
                                     InputFormat::kBfloat16,
                                     shape,
                                     {queries.data(), count * dim, dim},
                                     {layer.keys, cached_head, dim},
                                     {layer.values, cached_head, dim},
                                     output.data(),
                                     log_sum_exps.data()};
    if (model_.attention == EmulatedAttention::kEager) {
      EagerAttentionTwin(call, parallel_for_);
    } else {
      FlashAttention(call, *PlanFlashAttention(shape, model_.core.multiprocessors), parallel_for_);
    }
    return JoinHeads(output);
  }

  // [batch, heads, count, dim] -> [rows, AttendedWidth()].
  Rows JoinHeads(const Rows& heads) const {
    const int64_t dim = d_.head_dim;
    Rows joined(heads.size());
    for (int64_t row = 0; row < tokens_.rows(); ++row) {
      const int64_t sequence = row / tokens_.count, token = row % tokens_.count;
      for (int64_t head = 0; head < d_.heads; ++head) {
        const int64_t place = (sequence * d_.heads + head) * tokens_.count + token;
        std::copy_n(heads.data() + place * dim, dim, joined.data() + (row * d_.heads + head) * dim);
      }
    }
    return joined;
  }

  // Heads of a sequence's token: queries [batch, heads, count, dim], its key and value to the
  // cache.
  void SplitToken(const EmulatedDecodeLayer& layer, const uint16_t* heads, int64_t sequence,
                  int64_t token, Rows& queries) const {
    const int64_t dim = d_.head_dim, position = tokens_.start + token;
    const float* cos = model_.cos + position * dim / 2;
    const float* sin = model_.sin + position * dim / 2;
    for (int64_t head = 0; head < d_.heads; ++head) {
      const int64_t place = (sequence * d_.heads + head) * tokens_.count + token;
      SplitHeadTwin(heads + head * dim, layer.query_norm, model_.eps, cos, sin, dim,
                    queries.data() + place * dim);
    }
    for (int64_t kv = 0; kv < d_.kv_heads; ++kv) {
      const uint16_t* key = heads + (d_.heads + kv) * dim;
      const int64_t place = ((sequence * d_.kv_heads + kv) * model_.capacity + position) * dim;
      SplitHeadTwin(key, layer.key_norm, model_.eps, cos, sin, dim, layer.keys + place);
      std::copy_n(key + d_.kv_heads * dim, dim, layer.values + place);
    }
  }

  // x [rows, hidden] -> the same shape.
  absl::StatusOr<Rows> MixExperts(const EmulatedDecodeLayer& layer, const Rows& x) const {
    const Rows logits = ByRecipe(x, layer.router, d_.experts, d_.hidden);
    const int64_t rows = tokens_.rows(), pairs = rows * d_.slots;
    std::vector<int32_t> ids(pairs), place_of(pairs);
    std::vector<float> weights(pairs);
    RouteTokensTwin(logits.data(), d_.experts, d_.slots, model_.normalise, 0, rows, ids.data(),
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
      const auto output = RunExpert(*layer.gate_up[expert], *layer.down[expert], chosen);
      if (!output.ok()) return output.status();
      outputs.insert(outputs.end(), output->begin(), output->end());
    }
    Rows mixed(x.size());
    parallel_for_(tokens_.rows(), kRowGrain, [&](int64_t begin, int64_t end) {
      WeightedSumTwin(outputs.data(), place_of.data(), weights.data(), d_.slots, d_.hidden, begin,
                      end, mixed.data());
    });
    return mixed;
  }

  absl::StatusOr<Rows> RunExpert(const LinearWeight& gate_up, const LinearWeight& down,
                                 const Rows& x) const {
    const auto dense_gate_up = gate_up.Dense();
    if (!dense_gate_up.ok()) return dense_gate_up.status();
    const Rows both = Chain(x, dense_gate_up->get(), 2 * d_.width, d_.hidden);
    const int64_t rows = static_cast<int64_t>(x.size()) / d_.hidden;
    Rows inner(rows * d_.width);
    parallel_for_(rows, kRowGrain, [&](int64_t begin, int64_t end) {
      SwiGluTwin(both.data(), d_.width, begin, end, inner.data());
    });
    const auto dense_down = down.Dense();
    if (!dense_down.ok()) return dense_down.status();
    return Chain(inner, dense_down->get(), d_.hidden, d_.width);
  }

  const EmulatedDecodeModel& model_;
  const EmulatedDecodeDims& d_;
  const EmulatedTokens tokens_;
  const ParallelForFunction parallel_for_;
};

}  // namespace

absl::StatusOr<std::vector<uint16_t>> ForwardPassTwin(const EmulatedDecodeModel& model,
                                                      const uint16_t* embeddings,
                                                      const EmulatedTokens& tokens, int64_t keep,
                                                      ParallelForFunction parallel_for,
                                                      const EmulatedLayerFunction& after_layer) {
  return ForwardPass(model, tokens, parallel_for).Run(embeddings, keep, after_layer);
}

}  // namespace forensics::runner
