// The model cut over ranks against the whole one: real processes, real sockets. Each rank loads
// both, so that a test needs no other oracle than the whole model, which goldens_test.cc holds
// against Hugging Face.
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runner/capture/observer.h"
#include "runner/model/decoder_model.h"
#include "runner/parallel/testing/forked_ranks.h"

namespace forensics::runner {
namespace {

constexpr int64_t kPrompt = 37;
constexpr int64_t kSteps = 3;

struct Case {
  const char* name;
  const char* checkpoint;
  at::ScalarType dtype;
  int tp_size, ep_size;
  // Two-sided bounds of the relative L2 distance of the logits: too close is as wrong as too far.
  double lower, upper;
};

// Keeps the last hidden states and keys of every layer.
class Signals : public Observer {
 public:
  bool WantsLayer(int) const override { return true; }
  void OnHiddenStates(int layer, const at::Tensor& hidden) override {
    hidden_[layer] = hidden.clone();
  }
  void OnKeys(int layer, const at::Tensor& keys) override { keys_[layer] = keys.clone(); }

  const std::map<int, at::Tensor>& hidden() const { return hidden_; }
  const std::map<int, at::Tensor>& keys() const { return keys_; }

 private:
  std::map<int, at::Tensor> hidden_, keys_;
};

// Logits [passes, vocab] of a prompt of two sequences and a few single tokens.
at::Tensor Run(const DecoderModel& model, Signals& signals) {
  KvCache cache = model.NewCache(2, kPrompt + kSteps).value();
  const int64_t vocab = model.config().vocab_size;
  const auto ids = [&](int64_t first, int64_t count) {
    return ((at::arange(2 * count).view({2, count}) + first) * 7919 + 13).remainder(vocab);
  };
  std::vector<at::Tensor> logits = {model.Forward(ids(0, kPrompt), 2, cache, &signals).value()};
  for (int64_t step = 0; step < kSteps; ++step) {
    logits.push_back(model.Forward(ids(kPrompt + step, 1), 1, cache, &signals).value());
  }
  return at::cat(logits, 1).flatten(0, 1);
}

double RelativeL2(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor wide = expected.to(at::kDouble);
  const at::Tensor difference = found.to(at::kDouble) - wide;
  return std::sqrt(difference.pow(2).sum().item<double>() / wide.pow(2).sum().item<double>());
}

std::string Bytes(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.contiguous();
  return std::string(static_cast<const char*>(flat.const_data_ptr()), flat.nbytes());
}

bool Complain(int rank, const std::string& what) {
  fprintf(stderr, "rank %d: %s\n", rank, what.c_str());
  return false;
}

// Whether all ranks hold the same residual stream, bit for bit.
bool AreReplicas(Communicator& communicator, const Signals& signals) {
  for (const auto& [layer, hidden] : signals.hidden()) {
    const std::string mine = Bytes(hidden);
    for (const std::string& other : communicator.GatherBytes(mine)) {
      if (other != mine) return Complain(communicator.rank(), absl::StrCat("layer ", layer));
    }
  }
  return true;
}

bool KeysAgree(const DecoderModel& sharded, const Signals& part, const Signals& whole, double upper,
               int rank) {
  const int64_t dim = sharded.config().head_dim;
  const Range elements = sharded.options().sharding.KeyElements(sharded.config());
  for (const auto& [layer, keys] : part.keys()) {
    const at::Tensor expected =
        whole.keys().at(layer).narrow(1, elements.begin / dim, elements.size() / dim);
    if (keys.sizes() != expected.sizes()) return Complain(rank, "keys of another shape");
    const double distance = RelativeL2(keys, expected);
    if (!(distance <= upper)) {
      return Complain(rank, absl::StrCat("keys of layer ", layer, ": ", distance));
    }
  }
  return true;
}

bool AgreesWithWhole(const Case& c, Communicator& communicator) {
  const int rank = communicator.rank();
  const auto checkpoint = Checkpoint::Open(c.checkpoint);
  if (!checkpoint.ok()) return Complain(rank, checkpoint.status().ToString());
  ModelOptions options = {c.dtype, "flash_attention_2"};
  const auto whole = DecoderModel::Load(**checkpoint, options);
  options.sharding = {c.tp_size, c.ep_size, rank};
  options.communicator = &communicator;
  const auto sharded = DecoderModel::Load(**checkpoint, options);
  if (!whole.ok() || !sharded.ok()) {
    return Complain(rank, (whole.ok() ? sharded : whole).status().ToString());
  }
  Signals of_whole, of_part, again;
  const at::Tensor expected = Run(**whole, of_whole);
  const at::Tensor found = Run(**sharded, of_part);
  const double distance = RelativeL2(found, expected);
  if (!(distance >= c.lower && distance <= c.upper)) {
    return Complain(rank, absl::StrCat("logits: relative L2 ", distance, ", expected ", c.lower,
                                       " to ", c.upper));
  }
  if (!at::equal(found, Run(**sharded, again))) return Complain(rank, "two runs differ");
  return AreReplicas(communicator, of_part) &&
         KeysAgree(**sharded, of_part, of_whole, c.upper, rank);
}

class ShardedModelTest : public testing::TestWithParam<Case> {};

TEST_P(ShardedModelTest, AgreesWithTheWholeModel) {
  const Case& c = GetParam();
  const int ranks = c.tp_size * c.ep_size;
  EXPECT_EQ(RunForkedRanks(ranks, [&](Communicator& all) { return AgreesWithWhole(c, all); }),
            std::vector<int>(ranks, 0));
}

constexpr char kMini[] = "testdata/mini_qwen3_moe/awq";

INSTANTIATE_TEST_SUITE_P(
    All, ShardedModelTest,
    testing::Values(
        Case{"tp2", kMini, at::kFloat, 2, 1, 1e-8, 5e-6},
        Case{"tp4", kMini, at::kFloat, 4, 1, 1e-8, 5e-6},
        // More ranks than key-value heads: neighbours share one.
        Case{"tp8", kMini, at::kFloat, 8, 1, 1e-8, 5e-6},
        Case{"tp2_bfloat16", kMini, at::kBFloat16, 2, 1, 1e-4, 1e-1},
        // Two experts a token: a sum of two terms has one value in either order.
        Case{"ep2", kMini, at::kFloat, 1, 2, 0, 0}, Case{"ep4", kMini, at::kFloat, 1, 4, 0, 0},
        Case{"ep3_uneven", kMini, at::kFloat, 1, 3, 0, 0},
        Case{"ep2_bfloat16", kMini, at::kBFloat16, 1, 2, 1e-4, 1e-1},
        Case{"dense_tp3", "testdata/tiny_checkpoints/qwen3_dense", at::kFloat, 3, 1, 1e-9, 5e-6},
        Case{"llama_tp2", "testdata/tiny_checkpoints/llama", at::kFloat, 2, 1, 1e-9, 5e-6}),
    [](const auto& info) { return info.param.name; });

TEST(ShardingOfModelTest, WhatDoesNotFitIsRefused) {
  const auto checkpoint = Checkpoint::Open(kMini);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  ModelOptions options;
  options.sharding = {3, 1, 0};
  EXPECT_EQ(DecoderModel::Load(**checkpoint, options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace forensics::runner
