#include "analyzer/attribution/lower_triangle.h"

#include "Eigen/Cholesky"
#include "gtest/gtest.h"

namespace forensics::analyzer {
namespace {

Eigen::MatrixXd Random(Eigen::Index rows, Eigen::Index columns) {
  std::srand(7);  // NOLINT: Eigen's random matrices come from it
  return Eigen::MatrixXd::Random(rows, columns);
}

// The lower triangle of a covariance's root, and numbers above it that must not matter.
Eigen::MatrixXd Lower(Eigen::Index n) {
  const Eigen::MatrixXd some = Random(n, n);
  const Eigen::MatrixXd covariance =
      some * some.transpose() + Eigen::MatrixXd::Identity(n, n) * 0.5;
  Eigen::MatrixXd lower = covariance.llt().matrixL();
  lower.triangularView<Eigen::StrictlyUpper>().setConstant(1e6);
  return lower;
}

TEST(SolveLower, HasEigensBits) {
  for (const Eigen::Index n : {1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 98}) {
    const Eigen::MatrixXd lower = Lower(n);
    for (const Eigen::Index columns : {1, 7, 8, 9, 64}) {
      const Eigen::MatrixXd right = Random(n, columns);
      Eigen::MatrixXd found = right;
      SolveLower(lower, found);
      const Eigen::MatrixXd expected = lower.triangularView<Eigen::Lower>().solve(right);
      EXPECT_TRUE(found == expected) << n << " unknowns, " << columns << " columns, off by "
                                     << (found - expected).cwiseAbs().maxCoeff();
    }
  }
}

TEST(SolveLower, SolvesLargeSystems) {
  const Eigen::MatrixXd lower = Lower(301);
  const Eigen::MatrixXd right = Random(301, 3);
  Eigen::MatrixXd found = right;
  SolveLower(lower, found);
  const Eigen::MatrixXd back = lower.triangularView<Eigen::Lower>() * found;
  EXPECT_TRUE(back.isApprox(right, 1e-12));
}

TEST(SolveLower, TakesNoColumns) {
  Eigen::MatrixXd none(3, 0);
  SolveLower(Lower(3), none);
  EXPECT_EQ(none.cols(), 0);
}

}  // namespace
}  // namespace forensics::analyzer
