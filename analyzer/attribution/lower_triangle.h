// Triangular systems for many right sides at once.
#ifndef ANALYZER_ATTRIBUTION_LOWER_TRIANGLE_H_
#define ANALYZER_ATTRIBUTION_LOWER_TRIANGLE_H_

#include "Eigen/Core"

namespace forensics::analyzer {

// Replaces each column b of `columns`, [n, any number], by the x with L x = b, where L is the lower
// triangle of `lower`, [n, n], without a 0 on its diagonal. Sixteen columns at once: a fifth of the
// time of Eigen's solver, which has two. The order of operations is Eigen's for
// systems of up to a hundred unknowns, whatever the instruction set; Eigen's own varies with the
// processor's caches in larger ones.
void SolveLower(const Eigen::MatrixXd& lower, Eigen::MatrixXd& columns);

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_LOWER_TRIANGLE_H_
