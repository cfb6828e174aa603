#include "analyzer/statistics/draws.h"

#include <map>
#include <mutex>
#include <random>
#include <tuple>

namespace forensics::analyzer {
namespace {

constexpr size_t kLongestKept = 256;  // values of a series
constexpr size_t kMostKept = 64;      // lengths of series

// The standard's distributions differ between libraries, its engines do not.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint32_t Below(size_t n) { return static_cast<uint32_t>((engine_() >> 32) * n >> 32); }
  bool Coin() { return (engine_() >> 63) != 0; }

 private:
  std::mt19937_64 engine_;
};

size_t Batches(int resamples) { return (static_cast<size_t>(resamples) + kLanes - 1) / kLanes; }

// Keeps what has been drawn for short series.
template <typename Key, typename Draws>
class Kept {
 public:
  template <typename Draw>
  std::shared_ptr<const Draws> Get(const Key& key, size_t n, Draw draw) {
    if (n > kLongestKept) return std::make_shared<const Draws>(draw());
    const std::lock_guard<std::mutex> lock(mutex_);
    std::shared_ptr<const Draws>& draws = kept_[key];
    if (draws == nullptr) draws = std::make_shared<const Draws>(draw());
    const std::shared_ptr<const Draws> result = draws;
    if (kept_.size() > kMostKept) kept_.clear();
    return result;
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::shared_ptr<const Draws>> kept_;
};

}  // namespace

std::shared_ptr<const BlockDraws> DrawBlocks(uint64_t seed, int resamples, size_t n, size_t block) {
  using Key = std::tuple<uint64_t, int, size_t, size_t>;
  static auto* const kept = new Kept<Key, BlockDraws>;
  return kept->Get({seed, resamples, n, block}, n, [&] {
    BlockDraws draws;
    draws.resamples = static_cast<size_t>(resamples);
    draws.blocks = (n + block - 1) / block;
    draws.starts.resize(Batches(resamples) * draws.blocks);
    Random random(seed);
    for (size_t resample = 0; resample < draws.resamples; ++resample) {
      const size_t batch = resample / kLanes;
      for (size_t i = 0; i < draws.blocks; ++i) {
        draws.starts[batch * draws.blocks + i][resample % kLanes] = random.Below(n - block + 1);
      }
    }
    return draws;
  });
}

std::shared_ptr<const SignDraws> DrawSigns(uint64_t seed, int resamples, size_t n) {
  using Key = std::tuple<uint64_t, int, size_t>;
  static auto* const kept = new Kept<Key, SignDraws>;
  return kept->Get({seed, resamples, n}, n, [&] {
    SignDraws draws;
    draws.n = n;
    draws.keeps.resize(Batches(resamples) * n);
    Random random(seed);
    for (size_t resample = 0; resample < static_cast<size_t>(resamples); ++resample) {
      for (size_t i = 0; i < n; ++i) {
        if (!random.Coin()) continue;
        draws.keeps[resample / kLanes * n + i] |= static_cast<uint8_t>(1u << (resample % kLanes));
      }
    }
    return draws;
  });
}

}  // namespace forensics::analyzer
