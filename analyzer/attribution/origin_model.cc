#include "analyzer/attribution/origin_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "Eigen/Cholesky"
#include "analyzer/attribution/lower_triangle.h"
#include "analyzer/attribution/mean.h"

namespace forensics::analyzer {
namespace {

// Standard deviations of what an origin leaves unexplained of log distances, in units of its size:
// what the unknown's own effect does to all of them, what those of a label or block share (of many;
// of few more), and the rest.
constexpr double kShift = 0.4;
constexpr double kGroup = 0.2;
constexpr double kFewGroups = 3;
constexpr double kRest = 0.3;
// The sizes, each alike.
constexpr double kSizes[] = {0.5, 1, 2};
// Probabilities that differ by less are equal.
constexpr double kTie = 1e-9;

// Of log distances, by the two labels or blocks of a pair.
class PairMeans {
 public:
  explicit PairMeans(size_t n) : means_(n, std::vector<Mean>(n)) {}

  void Add(size_t a, size_t b, double log_distance) {
    means_[std::max(a, b)][std::min(a, b)].Add(log_distance);
    all_.Add(log_distance);
  }
  const Mean& all() const { return all_; }

  // exp of twice each mean, of `missing` where there is none.
  Eigen::MatrixXd Squares(const Mean& missing) const {
    const auto n = static_cast<Eigen::Index>(means_.size());
    Eigen::MatrixXd squares = Eigen::MatrixXd::Zero(n, n);
    for (Eigen::Index i = 0; i < n; ++i) {
      for (Eigen::Index j = 0; j < i; ++j) {
        const Mean& mean = means_[static_cast<size_t>(i)][static_cast<size_t>(j)];
        squares(i, j) = squares(j, i) = std::exp(2 * (mean.n > 0 ? mean : missing).value());
      }
    }
    return squares;
  }

 private:
  std::vector<std::vector<Mean>> means_;
  Mean all_;
};

// The known runs of a label in a block, which leave the same bits, as the unknown sees them.
struct Cell {
  size_t label = 0;
  size_t block = 0;
  double log_distance = 0;
};

// A label, or a block, that the unknown may have.
struct Form {
  std::optional<size_t> known;  // none: a new one
  bool is_near = false;         // a new one that is hardly another than a known one
  double prior = 0;             // among the known ones, or among what new ones are like
  Eigen::VectorXd squares;      // of what it differs by from each known one
};

struct Origin {
  std::optional<size_t> label;
  double prior = 0;
  Eigen::ArrayXd squares;  // of the distances expected, by cell
};

std::vector<Cell> CellsOf(const Question& question, const Eigen::VectorXd& seen) {
  std::map<std::pair<size_t, size_t>, Mean> means;
  for (size_t i = 0; i < question.label.size(); ++i) {
    const double log_distance = seen(static_cast<Eigen::Index>(i));
    if (std::isnan(log_distance)) continue;
    means[{question.label[i], question.block[i]}].Add(log_distance);
  }
  std::vector<Cell> cells;
  for (const auto& [place, mean] : means) {
    cells.push_back({place.first, place.second, mean.value()});
  }
  return cells;
}

// The least square off the diagonal.
double Nearest(const Eigen::MatrixXd& squares) {
  double nearest = std::numeric_limits<double>::infinity();
  for (Eigen::Index i = 0; i < squares.rows(); ++i) {
    for (Eigen::Index j = 0; j < i; ++j) nearest = std::min(nearest, squares(i, j));
  }
  return nearest;
}

// `squares`: between the known ones, of which those of `seen` are seen. A new one is as far from
// the known one that it is like as the nearest other is or, beside a new one and with a chance of 1
// in 2 (n + 1), as any two labels or blocks are (`least`): of n known ones none may be as near to
// another as the next one is.
std::vector<Form> FormsOf(const Eigen::MatrixXd& squares, const std::set<size_t>& seen,
                          double least) {
  std::vector<Form> forms;
  for (Eigen::Index i = 0; i < squares.rows(); ++i) {
    Form form;
    form.squares = squares.col(i);
    if (seen.count(static_cast<size_t>(i)) > 0) {
      form.known = static_cast<size_t>(i);
      form.prior = 1.0 / static_cast<double>(seen.size());
      forms.push_back(form);
    }
    double nearest = std::numeric_limits<double>::infinity();
    for (Eigen::Index j = 0; j < squares.rows(); ++j) {
      if (j != i) nearest = std::min(nearest, squares(j, i));
    }
    form.known.reset();
    form.prior = 1.0 / static_cast<double>(squares.rows());
    for (const bool is_near : {false, true}) {
      form.is_near = is_near;
      form.squares(i) = is_near ? least : nearest;
      forms.push_back(form);
    }
  }
  return forms;
}

// Of a new one beside a new one.
double NearChance(const Form& form) {
  const double near = 0.5 / static_cast<double>(form.squares.size() + 1);
  return form.is_near ? near : 1 - near;
}

std::vector<Origin> OriginsOf(const std::vector<Cell>& cells, const LibraryDistances& library) {
  std::set<size_t> labels, blocks;
  std::set<std::pair<size_t, size_t>> seen;
  for (const Cell& cell : cells) {
    labels.insert(cell.label);
    blocks.insert(cell.block);
    seen.insert({cell.label, cell.block});
  }
  const double least = std::min(Nearest(library.labels), Nearest(library.blocks));
  const std::vector<Form> of_block = FormsOf(library.blocks, blocks, least);
  std::vector<Origin> origins;
  for (const Form& label : FormsOf(library.labels, labels, least)) {
    // The blocks that are left to it: all known ones together as probable as a new one.
    double left = 0;
    const auto is_left = [&](const Form& block) {
      return !label.known.has_value() || seen.count({*label.known, *block.known}) == 0;
    };
    for (const Form& block : of_block) {
      if (block.known.has_value() && is_left(block)) left += block.prior;
    }
    for (const Form& block : of_block) {
      if (block.known.has_value() && !is_left(block)) continue;
      const bool is_new = !label.known.has_value() && !block.known.has_value();
      if (!is_new && (label.is_near || block.is_near)) continue;
      Origin& origin = origins.emplace_back();
      origin.label = label.known;
      origin.prior = label.prior * block.prior / (left > 0 ? 2 : 1);
      if (block.known.has_value()) origin.prior /= left;
      if (is_new) origin.prior *= NearChance(label) * NearChance(block);
      origin.squares.resize(static_cast<Eigen::Index>(cells.size()));
      for (size_t i = 0; i < cells.size(); ++i) {
        origin.squares(static_cast<Eigen::Index>(i)) =
            label.squares(static_cast<Eigen::Index>(cells[i].label)) +
            block.squares(static_cast<Eigen::Index>(cells[i].block));
      }
    }
  }
  return origins;
}

// The variance of what the runs of one of `n` labels or blocks, two at least, share.
double GroupVariance(Eigen::Index n) {
  return kGroup * kGroup * (1 + kFewGroups / static_cast<double>(n - 1));
}

// Of what the runs of a label or a block share, and of the rest.
Eigen::MatrixXd CovarianceOf(const std::vector<Cell>& cells, const LibraryDistances& library) {
  const double of_label = GroupVariance(library.labels.rows());
  const double of_block = GroupVariance(library.blocks.rows());
  const auto n = static_cast<Eigen::Index>(cells.size());
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Identity(n, n) * (kRest * kRest);
  for (Eigen::Index i = 0; i < n; ++i) {
    for (Eigen::Index j = 0; j < n; ++j) {
      const Cell &a = cells[static_cast<size_t>(i)], &b = cells[static_cast<size_t>(j)];
      if (a.label == b.label) covariance(i, j) += of_label;
      if (a.block == b.block) covariance(i, j) += of_block;
    }
  }
  return covariance;
}

// What some origins leave of log distances, by origin.
struct Unexplained {
  Eigen::ArrayXd squares;  // in units of the deviations
  Eigen::ArrayXd widened;  // times the variance of the rest: what the own effect adds
};

// `squares`: of the distances expected, [cell, origin]. `root`: of the covariance, its lower
// triangle.
Unexplained UnexplainedBy(const Eigen::ArrayXXd& squares, const Eigen::ArrayXd& seen,
                          const Eigen::MatrixXd& root) {
  // The unknown's own effect adds alike to all squared distances, so less to the logarithm of those
  // that are large.
  Eigen::MatrixXd shift = squares.colwise().minCoeff().replicate(squares.rows(), 1) / squares;
  Eigen::MatrixXd left = seen.replicate(1, squares.cols()) - squares.log() / 2;
  SolveLower(root, shift);
  SolveLower(root, left);
  const Eigen::ArrayXd of_shift = shift.colwise().squaredNorm();
  const Eigen::ArrayXd along = shift.cwiseProduct(left).colwise().sum();
  const Eigen::ArrayXd widened = 1 + kShift * kShift * of_shift;
  return {
      left.colwise().squaredNorm().transpose().array() - kShift * kShift * along.square() / widened,
      widened};
}

// By origin, up to a constant: the log-likelihood, the size averaged over.
Eigen::ArrayXd LogLikelihoods(const std::vector<Cell>& cells, const std::vector<Origin>& origins,
                              const LibraryDistances& library) {
  constexpr Eigen::Index kTogether = 64;  // origins whose arrays stay in a core's cache
  const auto n = static_cast<Eigen::Index>(cells.size());
  const auto all = static_cast<Eigen::Index>(origins.size());
  Eigen::ArrayXd seen(n);
  for (Eigen::Index i = 0; i < n; ++i) seen(i) = cells[static_cast<size_t>(i)].log_distance;
  const Eigen::LLT<Eigen::MatrixXd> covariance(CovarianceOf(cells, library));
  Eigen::ArrayXd unexplained(all), widened(all);
  for (Eigen::Index begin = 0; begin < all; begin += kTogether) {
    const Eigen::Index count = std::min(kTogether, all - begin);
    Eigen::ArrayXXd squares(n, count);
    for (Eigen::Index i = 0; i < count; ++i) {
      squares.col(i) = origins[static_cast<size_t>(begin + i)].squares;
    }
    const Unexplained some = UnexplainedBy(squares, seen, covariance.matrixLLT());
    unexplained.segment(begin, count) = some.squares;
    widened.segment(begin, count) = some.widened;
  }
  const double least = unexplained.minCoeff();
  // Log-sum-exp: the best origin at each size is far from underflow.
  double largest = -std::numeric_limits<double>::infinity();
  const auto at_size = [&](double size, const Eigen::ArrayXd& of) -> Eigen::ArrayXd {
    return -static_cast<double>(n) * std::log(size) - of / (2 * size * size);
  };
  for (const double size : kSizes) {
    largest = std::max(largest, at_size(size, Eigen::ArrayXd::Constant(1, least))(0));
  }
  Eigen::ArrayXd likelihood = Eigen::ArrayXd::Zero(unexplained.size());
  for (const double size : kSizes) likelihood += (at_size(size, unexplained) - largest).exp();
  return likelihood.log() - widened.log() / 2;
}

}  // namespace

std::optional<LibraryDistances> LibraryDistancesOf(const Question& question,
                                                   const Eigen::MatrixXd& log_distances,
                                                   std::optional<size_t> without) {
  PairMeans labels(question.names.size()), blocks(question.blocks);
  Mean neither;
  LibraryDistances library;
  for (size_t i = 0; i < question.label.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const double log_distance =
          log_distances(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
      if (i == without || j == without || std::isnan(log_distance)) continue;
      const bool same_label = question.label[i] == question.label[j];
      const bool same_block = question.block[i] == question.block[j];
      if (same_label && same_block) continue;
      ++library.pairs;
      if (same_block) {
        labels.Add(question.label[i], question.label[j], log_distance);
      } else if (same_label) {
        blocks.Add(question.block[i], question.block[j], log_distance);
      } else {
        neither.Add(log_distance);
      }
    }
  }
  if (blocks.all().n == 0 || labels.all().n + neither.n == 0) return std::nullopt;
  library.labels = labels.Squares(labels.all().n > 0 ? labels.all() : neither);
  library.blocks = blocks.Squares(blocks.all());
  return library;
}

LabelProbabilities ProbabilitiesOf(const Question& question, const LibraryDistances& library,
                                   const Eigen::VectorXd& seen) {
  const std::vector<Cell> cells = CellsOf(question, seen);
  const std::vector<Origin> origins = OriginsOf(cells, library);
  Eigen::ArrayXd probability = LogLikelihoods(cells, origins, library);
  for (size_t i = 0; i < origins.size(); ++i) {
    probability(static_cast<Eigen::Index>(i)) += std::log(origins[i].prior);
  }
  probability = (probability - probability.maxCoeff()).exp();
  LabelProbabilities result;
  result.labels.resize(question.names.size());
  for (size_t i = 0; i < origins.size(); ++i) {
    const double share = probability(static_cast<Eigen::Index>(i));
    if (!origins[i].label.has_value()) {
      result.none_of_these += share;
    } else {
      std::optional<double>& of_label = result.labels[*origins[i].label];
      of_label = of_label.value_or(0) + share;
    }
  }
  // The sum of these very shares, which rounding leaves not below any of them.
  double all = result.none_of_these;
  for (const std::optional<double>& of_label : result.labels) all += of_label.value_or(0);
  result.none_of_these /= all;
  for (std::optional<double>& of_label : result.labels) {
    if (of_label.has_value()) *of_label /= all;
  }
  return result;
}

size_t Decide(const LabelProbabilities& probabilities) {
  const size_t labels = probabilities.labels.size();
  size_t best = labels;
  for (size_t label = 0; label < labels; ++label) {
    if (!probabilities.labels[label].has_value()) continue;
    if (best == labels || *probabilities.labels[label] > *probabilities.labels[best]) best = label;
  }
  if (best == labels) return labels + 1;
  double together = 0;
  size_t ties = 0;
  for (const std::optional<double>& one : probabilities.labels) {
    if (!one.has_value() || *probabilities.labels[best] - *one >= kTie) continue;
    together += *one;
    ++ties;
  }
  if (std::abs(together - probabilities.none_of_these) < kTie) return labels + 1;
  if (probabilities.none_of_these > together) return labels;
  return ties > 1 ? labels + 1 : best;
}

}  // namespace forensics::analyzer
