#include "analyzer/attribution/lower_triangle.h"

#include <algorithm>
#include <vector>

#include "analyzer/lanes/instruction_sets.h"
#include "analyzer/lanes/lanes.h"

namespace forensics::analyzer {
namespace {

using Eigen::Index;

// So many unknowns are solved for before their part of all that follow is taken off at once.
constexpr Index kPanel = 4;

// A part of the lanes of all unknowns, [row].
template <typename Vector>
class PartOfLanes {
 public:
  using Part = PairOf<Vector>;
  static constexpr Index kParts = kPartsOf<Vector>;

  PartOfLanes(LanePair* x, Index part) : x_(reinterpret_cast<Part*>(x) + part) {}
  FORENSICS_INLINE Part& operator[](Index row) const { return x_[row * kParts]; }

 private:
  Part* x_;
};

// Solves for `count` unknowns from `begin` on.
template <typename Vector>
FORENSICS_INLINE void SolvePanel(const Eigen::MatrixXd& lower, Index begin, Index count,
                                 const PartOfLanes<Vector>& x) {
  for (Index k = begin; k < begin + count; ++k) {
    x[k] *= 1 / lower(k, k);
    for (Index row = k + 1; row < begin + count; ++row) x[row] -= x[k] * lower(row, k);
  }
}

// Takes a whole panel's unknowns, from `begin` on, off the rows that follow.
template <typename Vector>
FORENSICS_INLINE void TakeOff(const Eigen::MatrixXd& lower, Index begin,
                              const PartOfLanes<Vector>& x) {
  using Part = PairOf<Vector>;
  const double* const columns[kPanel] = {&lower(0, begin), &lower(0, begin + 1),
                                         &lower(0, begin + 2), &lower(0, begin + 3)};
  const Part known[kPanel] = {x[begin], x[begin + 1], x[begin + 2], x[begin + 3]};
  for (Index row = begin + kPanel; row < lower.rows(); ++row) {
    Part sum = known[0] * columns[0][row];
    for (Index k = 1; k < kPanel; ++k) sum += known[k] * columns[k][row];
    x[row] -= sum;
  }
}

template <typename Vector>
FORENSICS_INLINE void SolveInline(const Eigen::MatrixXd& lower, LanePair* x) {
  for (Index part = 0; part < PartOfLanes<Vector>::kParts; ++part) {
    const PartOfLanes<Vector> own(x, part);
    for (Index begin = 0; begin < lower.rows(); begin += kPanel) {
      const Index count = std::min(kPanel, lower.rows() - begin);
      SolvePanel(lower, begin, count, own);
      if (count == kPanel) TakeOff(lower, begin, own);
    }
  }
}

// The same function for each instruction set.
#define FORENSICS_KERNELS(Suffix, attributes)                                \
  attributes void Solve##Suffix(const Eigen::MatrixXd& lower, LanePair* x) { \
    SolveInline<LanesOf##Suffix>(lower, x);                                  \
  }
FORENSICS_FOR_EACH_INSTRUCTION_SET(FORENSICS_KERNELS)
#undef FORENSICS_KERNELS

using Solve = void (*)(const Eigen::MatrixXd& lower, LanePair* x);

Solve Best() {
  static const Solve best = ForThisProcessor<Solve>(SolveBaseline, SolveAvx2, SolveAvx512);
  return best;
}

}  // namespace

void SolveLower(const Eigen::MatrixXd& lower, Eigen::MatrixXd& columns) {
  constexpr Index kColumns = kPairLanes;
  const Index rows = lower.rows();
  std::vector<LanePair> block(static_cast<size_t>(rows));  // [row], a column a lane
  double* const lanes = reinterpret_cast<double*>(block.data());
  for (Index begin = 0; begin < columns.cols(); begin += kColumns) {
    const Index count = std::min(kColumns, columns.cols() - begin);
    for (Index lane = 0; lane < count; ++lane) {
      const double* const column = &columns(0, begin + lane);
      for (Index row = 0; row < rows; ++row) lanes[row * kColumns + lane] = column[row];
    }
    Best()(lower, block.data());
    for (Index lane = 0; lane < count; ++lane) {
      double* const column = &columns(0, begin + lane);
      for (Index row = 0; row < rows; ++row) column[row] = lanes[row * kColumns + lane];
    }
  }
}

}  // namespace forensics::analyzer
