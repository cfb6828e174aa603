// The known configurations of experiment files, and unknown runs beside them.
#ifndef ANALYZER_ATTRIBUTION_LIBRARY_H_
#define ANALYZER_ATTRIBUTION_LIBRARY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "analyzer/attribution/known_runs.h"
#include "analyzer/attribution/run_distance.h"
#include "analyzer/comparison/run_comparison.h"
#include "analyzer/reading/experiment.h"
#include "analyzer/reading/structure_budget.h"

namespace forensics::analyzer {

struct Place {
  std::string file;
  std::string config_id;
};

// What an unlabelled run computed; the labels that its file gives it are not used.
struct UnknownRun {
  Place place;
  Configuration configuration;
  RunRecord run;  // the lowest stored repetition
};

// The configurations of `file` that store a run, or `config_id` alone if that is not empty. Fails
// if there is none, or if `budget` does not hold the file.
absl::StatusOr<std::vector<UnknownRun>> ReadUnknownRuns(const std::string& file,
                                                        const std::string& config_id,
                                                        std::shared_ptr<StructureBudget> budget);

struct KnownConfiguration {
  // Several where experiment files hold the same run, as all hold the reference's.
  std::vector<Place> places;
  Configuration configuration;
  std::string variable;
  bool is_reference = false;  // has experiment 0's value of the variable
};

// A known configuration beside an unknown run.
struct Observation {
  RunDistance distance;
  std::optional<Divergence> first_divergence;
};

// Takes experiments one after the other and keeps of each the distances. Signals are kept for the
// pairs with files to come, up to a limit; beyond it only pairs within a file, with the files
// before and with the unknown runs are known. What it keeps of structure and text is taken from a
// budget that the files to come are read with.
class Library {
 public:
  static constexpr int64_t kMostBytes = 512 << 20;

  explicit Library(std::vector<UnknownRun> unknowns, int64_t most_bytes = kMostBytes,
                   std::shared_ptr<StructureBudget> budget = std::make_shared<StructureBudget>());

  // A configuration is taken by its lowest stored repetition. It is a copy of an earlier file's if
  // hardware, setup, run time and all bits are the same.
  void Add(Experiment experiment);

  // Lets the runs of all files so far go, to make room in the budget: their pairs with files to
  // come are not known then. False if there was none.
  bool LetGo();

  const std::vector<UnknownRun>& unknowns() const { return unknowns_; }
  const std::vector<KnownConfiguration>& known() const { return known_; }
  const PairDistances& distances() const { return distances_; }
  // Of an unknown run, one a known configuration.
  const std::vector<Observation>& observations(size_t unknown) const {
    return observations_[unknown];
  }
  // "quant_method=gptq"; "reference" for experiment 0's value where the library has more than one
  // variable. Hardware as ArithmeticNames.
  std::vector<Labels> labels() const;
  // Whether signals had to be let go, so that pairs are missing.
  bool incomplete() const { return incomplete_; }

 private:
  // Whether `candidate` was taken as a copy of a known one.
  bool TakeAsCopy(const KnownConfiguration& candidate, const RunRecord& run);
  void Compare(size_t first_new);

  std::vector<UnknownRun> unknowns_;
  const int64_t most_bytes_;
  BudgetShare labels_share_;  // of unknowns_ and known_
  BudgetShare runs_share_;    // of runs_
  std::vector<KnownConfiguration> known_;
  std::vector<std::unique_ptr<RunRecord>> runs_;  // of known_; null: let go
  PairDistances distances_;
  std::vector<std::vector<Observation>> observations_;
  int64_t bytes_ = 0;
  bool incomplete_ = false;
};

}  // namespace forensics::analyzer

#endif  // ANALYZER_ATTRIBUTION_LIBRARY_H_
