// Tables with a line or more for each experiment or configuration; tab-separated, under headings.
#ifndef ANALYZER_REPORT_EXPERIMENT_TABLES_H_
#define ANALYZER_REPORT_EXPERIMENT_TABLES_H_

#include <string>
#include <vector>

#include "analyzer/analysis/experiment_report.h"

namespace forensics::analyzer {

// An experiment a line, as summary.json has it.
std::string SummaryRows(const std::vector<ExperimentReport>& reports);

// A signal a line: the two noises.
std::string NoiseTable(const std::vector<ExperimentReport>& reports);

// A configuration a line; distances of its repetitions from one another.
std::string ReproducibilityTable(const std::vector<ExperimentReport>& reports);

// A signal, phase and configuration a line. Configurations of one class (a number from 0) have the
// same bits; without values in the phase, no class.
std::string IdentityTable(const std::vector<ExperimentReport>& reports);

// A configuration a line.
std::string RunTimeTable(const std::vector<ExperimentReport>& reports);

// An experiment a line that has a configuration with three repetitions.
std::string WarmUpTable(const std::vector<ExperimentReport>& reports);

// What is confounded, missing, odd or to be kept in mind, a sentence a line.
std::string RemarkTable(const std::vector<ExperimentReport>& reports);

}  // namespace forensics::analyzer

#endif  // ANALYZER_REPORT_EXPERIMENT_TABLES_H_
