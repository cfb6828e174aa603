#include "testdata/synthesis/shard_writer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace forensics::synthesis {
namespace {

// Small enough for a core's own cache, and a multiple of 8 (fill.h).
constexpr int64_t kSpanBytes = 1 << 20;

struct Piece {
  const PlannedTensor* tensor;
  int64_t begin;
  int64_t end;
};

// Neighbouring pieces of one file, written at once.
struct Span {
  size_t shard = 0;
  int64_t offset = 0;
  int64_t bytes = 0;
  std::vector<Piece> pieces;
};

// Cuts a shard's tensors into spans of at most kSpanBytes.
std::vector<Span> CutShard(const Shard& shard, size_t index) {
  std::vector<Span> spans;
  for (const auto& [tensor, offset] : shard.tensors) {
    for (int64_t begin = 0; begin < tensor.bytes; begin += kSpanBytes) {
      const int64_t end = std::min(begin + kSpanBytes, tensor.bytes);
      if (spans.empty() || spans.back().bytes + (end - begin) > kSpanBytes) {
        spans.push_back({index, offset + begin, 0, {}});
      }
      spans.back().bytes += end - begin;
      spans.back().pieces.push_back({&tensor, begin, end});
    }
  }
  return spans;
}

// The spans of all shards in turn: a file system lets one thread at a time write to a file.
std::vector<Span> CutShards(const std::vector<Shard>& shards) {
  std::vector<std::vector<Span>> of_shards;
  size_t most = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    of_shards.push_back(CutShard(shards[i], i));
    most = std::max(most, of_shards.back().size());
  }
  std::vector<Span> spans;
  for (size_t n = 0; n < most; ++n) {
    for (std::vector<Span>& of_shard : of_shards) {
      if (n < of_shard.size()) spans.push_back(std::move(of_shard[n]));
    }
  }
  return spans;
}

class SpanWriter {
 public:
  SpanWriter(const std::vector<Span>& spans, const std::vector<ShardFile>& files)
      : spans_(spans), files_(files) {}

  absl::Status Run(int threads, const std::function<void(int64_t)>& progress) {
    std::vector<std::thread> workers;
    running_ = threads;
    for (int i = 0; i < threads; ++i) workers.emplace_back([this] { Work(); });
    {
      std::unique_lock<std::mutex> lock(mutex_);
      while (running_ > 0) {
        finished_.wait_for(lock, std::chrono::milliseconds(50));
        progress(written_);
      }
    }
    for (std::thread& worker : workers) worker.join();
    return status_;
  }

 private:
  void Work() {
    std::string buffer(static_cast<size_t>(kSpanBytes), '\0');
    absl::Status status;
    while (status.ok() && !stop_) {
      const size_t next = next_++;
      if (next >= spans_.size()) break;
      status = WriteSpan(spans_[next], buffer);
    }
    std::lock_guard<std::mutex> lock(mutex_);
    status_.Update(status);
    if (!status.ok()) stop_ = true;
    --running_;
    finished_.notify_one();
  }

  absl::Status WriteSpan(const Span& span, std::string& buffer) {
    char* out = buffer.data();
    for (const Piece& piece : span.pieces) {
      piece.tensor->fill(piece.begin, piece.end, out);
      out += piece.end - piece.begin;
    }
    const absl::string_view bytes(buffer.data(), static_cast<size_t>(span.bytes));
    written_ += span.bytes;
    return files_[span.shard].Write(bytes, span.offset);
  }

  const std::vector<Span>& spans_;
  const std::vector<ShardFile>& files_;
  std::atomic<size_t> next_{0};
  std::atomic<int64_t> written_{0};
  std::atomic<bool> stop_{false};
  std::mutex mutex_;
  std::condition_variable finished_;
  int running_ = 0;      // guarded by mutex_
  absl::Status status_;  // guarded by mutex_
};

}  // namespace

absl::Status WriteShards(const std::vector<Shard>& shards, const std::vector<ShardFile>& files,
                         int threads, const std::function<void(int64_t bytes)>& progress) {
  for (size_t i = 0; i < shards.size(); ++i) {
    if (absl::Status status = files[i].Write(shards[i].header, 0); !status.ok()) return status;
  }
  const std::vector<Span> spans = CutShards(shards);
  return SpanWriter(spans, files).Run(threads, progress);
}

}  // namespace forensics::synthesis
