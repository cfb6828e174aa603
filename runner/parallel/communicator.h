// What the ranks of one run say to one another. Every rank calls the same functions in the same
// order; each call blocks until it is done on this rank.
#ifndef RUNNER_PARALLEL_COMMUNICATOR_H_
#define RUNNER_PARALLEL_COMMUNICATOR_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace forensics::runner {

// A rank was lost, or did not answer in time. Thrown, as the model's layers return tensors; it
// becomes a Status where libtorch's exceptions do.
class RankError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;

  // What carries the tensors, and in which order sums are taken; for the manifest.
  virtual std::string Description() const = 0;

  // `partial` (contiguous; f32, bf16 or f16; the same shape on all ranks) becomes the sum over
  // ranks, with the same bits on every rank and in every run.
  virtual void SumOverRanks(at::Tensor& partial) = 0;

  // part [rows, widths[rank()]] -> [rows, sum of widths]: the ranks' columns, in rank order.
  virtual at::Tensor GatherColumns(const at::Tensor& part, const std::vector<int64_t>& widths) = 0;

  // Everyone's bytes, by rank, on every rank.
  virtual std::vector<std::string> GatherBytes(const std::string& mine) = 0;
};

// The only rank there is.
class SingleProcess : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  std::string Description() const override { return "none"; }
  void SumOverRanks(at::Tensor&) override {}
  at::Tensor GatherColumns(const at::Tensor& part, const std::vector<int64_t>&) override {
    return part;
  }
  std::vector<std::string> GatherBytes(const std::string& mine) override { return {mine}; }
};

}  // namespace forensics::runner

#endif  // RUNNER_PARALLEL_COMMUNICATOR_H_
