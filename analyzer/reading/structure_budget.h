// How much memory the structure and text of experiment files may take, whatever reads them.
#ifndef ANALYZER_READING_STRUCTURE_BUDGET_H_
#define ANALYZER_READING_STRUCTURE_BUDGET_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace forensics::analyzer {

// Bytes for objects, keys, elements and text, counted as they are read; what they take is about
// that, and half as much again. A file of real size needs a third. Vectors are not counted.
//
// One for all threads that read a file, and for files that are in memory together.
class StructureBudget {
 public:
  static constexpr size_t kMost = size_t{384} << 20;

  // False once more is taken than there is.
  bool Take(size_t bytes) { return taken_.fetch_add(bytes) + bytes <= kMost; }
  void GiveBack(size_t bytes) { taken_.fetch_sub(bytes); }

 private:
  std::atomic<size_t> taken_{0};
};

// What one reader has taken; given back with the share.
class BudgetShare {
 public:
  explicit BudgetShare(std::shared_ptr<StructureBudget> budget) : budget_(std::move(budget)) {}
  BudgetShare(BudgetShare&& other)
      : budget_(other.budget_), taken_(std::exchange(other.taken_, 0)) {}
  BudgetShare& operator=(BudgetShare&& other) {
    std::swap(budget_, other.budget_);
    std::swap(taken_, other.taken_);
    return *this;
  }
  ~BudgetShare() { budget_->GiveBack(taken_); }

  bool Take(size_t bytes) {
    taken_ += bytes;
    return budget_->Take(bytes);
  }
  void GiveBack(size_t bytes) {
    taken_ -= bytes;
    budget_->GiveBack(bytes);
  }
  // Makes what another share of the same budget took this one's.
  void Absorb(BudgetShare other) { taken_ += std::exchange(other.taken_, 0); }

  const std::shared_ptr<StructureBudget>& budget() const { return budget_; }

 private:
  std::shared_ptr<StructureBudget> budget_;
  size_t taken_ = 0;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_STRUCTURE_BUDGET_H_
