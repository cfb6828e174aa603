// The variants of the tile kernel differ in speed alone.
#include "runner/ops/flash_tile.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "runner/ops/test_tensors.h"

namespace forensics::runner {
namespace {

// The variants that this CPU can run, by name.
std::map<std::string, FlashTileFunction> Variants() {
  std::map<std::string, FlashTileFunction> variants = {{"portable", FlashTilePortable}};
  if (__builtin_cpu_supports("x86-64-v3")) variants["avx2"] = FlashTileAvx2;
  if (__builtin_cpu_supports("x86-64-v4")) variants["avx512"] = FlashTileAvx512;
  return variants;
}

// `out` [head_dim, kQueryTile] of one tile over `length` keys.
at::Tensor RunTile(FlashTileFunction run, int64_t dim, int64_t rows, int64_t length) {
  const at::Tensor queries = Noise({dim, kQueryTile}, 1) * 2;
  const at::Tensor keys = Noise({length, dim}, 2), values = Noise({length, dim}, 3);
  at::Tensor scores = at::zeros({kKeyBlock, kQueryTile}), out = at::zeros({dim, kQueryTile});
  run({queries.const_data_ptr<float>(), keys.const_data_ptr<float>(),
       values.const_data_ptr<float>(), dim, rows, length - rows + 1,
       scores.mutable_data_ptr<float>(), out.mutable_data_ptr<float>()});
  return out.narrow(1, 0, rows).contiguous();
}

TEST(FlashTileTest, AllVariantsGiveTheSameBits) {
  for (const auto& [dim, rows, length] :
       {std::tuple{32, 64, 1000}, {128, 64, 64}, {10, 7, 203}, {2, 1, 1}, {64, 33, 96 * 3}}) {
    const at::Tensor expected = RunTile(FlashTilePortable, dim, rows, length);
    for (const auto& [name, run] : Variants()) {
      const at::Tensor found = RunTile(run, dim, rows, length);
      EXPECT_EQ(std::memcmp(found.const_data_ptr(), expected.const_data_ptr(), found.nbytes()), 0)
          << name << " head_dim " << dim << " rows " << rows << " length " << length;
    }
  }
}

TEST(FlashTileTest, AQueryThatSeesOneKeyReturnsItsValue) {
  const at::Tensor values = Noise({2, 8}, 3);
  for (const auto& [name, run] : Variants()) {
    const at::Tensor out = RunTile(run, 8, 2, 2);  // query 0 sees key 0 alone
    for (int64_t d = 0; d < 8; ++d) {
      EXPECT_EQ(out[d][0].item<float>(), values[0][d].item<float>()) << name;
      EXPECT_NE(out[d][1].item<float>(), values[0][d].item<float>()) << name;
    }
  }
}

}  // namespace
}  // namespace forensics::runner
