#include "runner/ops/cuda/decode_test_model.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/randperm.h>
#include <ATen/ops/tensor.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace forensics::runner {
namespace {

at::TensorOptions OnGpu(at::ScalarType dtype) { return at::TensorOptions(at::kCUDA).dtype(dtype); }

at::Tensor RandomNormal(at::IntArrayRef shape, double scale) {
  return at::randn(shape, OnGpu(at::kBFloat16)).mul_(scale);
}

at::Tensor NormWeight(int64_t width) {
  return at::randn({width}, OnGpu(at::kBFloat16)).mul_(0.1).add_(1.0);
}

// The levels of bitsandbytes' NF4.
at::Tensor Nf4Levels() {
  return at::tensor({-1.0f, -0.6961928f, -0.52507305f, -0.3949175f, -0.28444138f, -0.18477343f,
                     -0.09105004f, 0.0f, 0.0795803f, 0.1609302f, 0.2461123f, 0.33791524f,
                     0.44070983f, 0.5626170f, 0.72295684f, 1.0f})
      .to(at::kCUDA);
}

// Products with rows of numbers of size one are about of size one.
QuantizedWeight RandomWeight(int64_t count, int64_t rows, int64_t columns, bool nf4) {
  QuantizedWeight w;
  w.count = count, w.rows = rows, w.columns = columns;
  w.tiles = at::empty({count, rows / 16, columns / 64, 32, 4}, OnGpu(at::kInt))
                .random_(std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max());
  const double size = 1 / std::sqrt(static_cast<double>(columns));
  if (nf4) {
    w.scales = at::rand({count, rows / 16, columns / 64, 16}, OnGpu(at::kFloat)).add_(0.5);
    w.scales.mul_(size / 0.5);
    w.levels = Nf4Levels();
    return w;
  }
  at::Tensor scales = at::rand({count, rows / 16, columns / 128, 16}, OnGpu(at::kFloat));
  scales = scales.add_(0.5).mul_(size / 6.5).to(at::kHalf).view(at::kShort).to(at::kInt);
  w.scales = at::randint(0, 17, scales.sizes(), OnGpu(at::kInt)).mul_(65536).add_(scales);
  return w;
}

// [batch, kv_heads, capacity, head_dim]; NaN from `position` on.
at::Tensor RandomCache(const TestModelOptions& o) {
  at::Tensor cache = RandomNormal({o.batch, o.dims.kv_heads, o.capacity, o.dims.head_dim}, 1.0);
  cache.narrow(2, o.position, o.capacity - o.position)
      .fill_(std::numeric_limits<double>::quiet_NaN());
  return cache;
}

DecodeLayerTensors RandomLayer(const TestModelOptions& o) {
  const DecodeDims& d = o.dims;
  DecodeLayerTensors layer;
  layer.input_norm = NormWeight(d.hidden);
  layer.qkv = RandomWeight(1, (d.heads + 2 * d.kv_heads) * d.head_dim, d.hidden, o.nf4);
  layer.query_norm = NormWeight(d.head_dim);
  layer.key_norm = NormWeight(d.head_dim);
  layer.o_proj = RandomWeight(1, d.hidden, d.heads * d.head_dim, o.nf4);
  layer.post_attention_norm = NormWeight(d.hidden);
  layer.router = RandomNormal({d.experts, d.hidden}, 1 / std::sqrt(static_cast<double>(d.hidden)));
  layer.gate_up = RandomWeight(d.experts, 2 * d.width, d.hidden, o.nf4);
  layer.down = RandomWeight(d.experts, d.hidden, d.width, o.nf4);
  layer.keys = RandomCache(o);
  layer.values = RandomCache(o);
  layer.hidden_states = at::empty({o.batch, d.hidden}, OnGpu(at::kBFloat16));
  layer.expert_ids = at::empty({o.batch, d.slots}, OnGpu(at::kInt));
  layer.expert_weights = at::empty({o.batch, d.slots}, OnGpu(at::kFloat));
  return layer;
}

}  // namespace

DecodeDims Qwen3_30bDims() { return {2048, 32, 4, 128, 128, 8, 768, 151936}; }
DecodeDims MiniDims() { return {256, 8, 4, 32, 8, 2, 128, 4096}; }

DecodeTensors MakeTestModel(const TestModelOptions& o) {
  const DecodeDims& d = o.dims;
  DecodeTensors model;
  model.dims = d;
  model.eps = 1e-6f;
  model.normalise = o.normalise;
  model.attention = o.attention;
  model.embedding = RandomNormal({d.vocab, d.hidden}, 1.0);
  for (int64_t i = 0; i < o.layers; ++i) model.layers.push_back(RandomLayer(o));
  model.final_norm = NormWeight(d.hidden);
  model.lm_head = RandomNormal({d.vocab, d.hidden}, 1 / std::sqrt(static_cast<double>(d.hidden)));
  const at::Tensor angles = at::rand({o.capacity, d.head_dim / 2}, OnGpu(at::kFloat)).mul_(6.28);
  model.cos = angles.cos().to(at::kBFloat16).to(at::kFloat);
  model.sin = angles.sin().to(at::kBFloat16).to(at::kFloat);
  model.token_ids = at::randperm(d.vocab, OnGpu(at::kLong)).narrow(0, 0, o.batch).clone();
  model.position = at::full({1}, o.position, OnGpu(at::kInt));
  model.logits = at::empty({o.batch, d.vocab}, OnGpu(at::kBFloat16));
  return model;
}

at::Tensor ExactWeight(const QuantizedWeight& weight, int64_t index) {
  const int64_t chunks = weight.columns / kTileColumns;
  const at::Tensor tiles = weight.tiles.select(0, index).cpu();
  const at::Tensor scales = weight.scales.select(0, index).cpu();
  const at::Tensor levels = weight.IsNf4() ? weight.levels.cpu() : at::Tensor();
  const auto* words = reinterpret_cast<const uint32_t*>(tiles.const_data_ptr<int32_t>());
  at::Tensor dense = at::empty({weight.rows, weight.columns}, at::kDouble);
  double* out = dense.mutable_data_ptr<double>();
  constexpr int kOfRow[2][4] = {{0, 4, 2, 6}, {1, 5, 3, 7}};  // nibbles of rows g and g + 8
  for (int64_t row = 0; row < weight.rows; ++row) {
    const int64_t tile = row / 16, in_tile = row % 16, g = in_tile % 8;
    for (int64_t k = 0; k < weight.columns; ++k) {
      const int64_t q = k % 64 / 16, t = k % 16 / 4;
      const uint32_t word = words[((tile * chunks + k / 64) * 32 + 4 * g + q) * 4 + t];
      const uint32_t nibble = word >> 4 * kOfRow[in_tile / 8][k % 4] & 15;
      double value;
      if (weight.IsNf4()) {
        const float level = levels.const_data_ptr<float>()[nibble];
        value = static_cast<double>(static_cast<float>(c10::BFloat16(level))) *
                scales.const_data_ptr<float>()[(tile * chunks + k / 64) * 16 + in_tile];
      } else {
        const auto scale = static_cast<uint32_t>(
            scales.const_data_ptr<int32_t>()[(tile * chunks / 2 + k / 128) * 16 + in_tile]);
        const c10::Half half(static_cast<uint16_t>(scale), c10::Half::from_bits());
        value = (static_cast<double>(nibble) - (scale >> 16)) * static_cast<float>(half);
      }
      out[row * weight.columns + k] = value;
    }
  }
  return dense;
}

}  // namespace forensics::runner
