// Which experiment files a command's inputs are.
#ifndef ANALYZER_EXPERIMENT_FILES_H_
#define ANALYZER_EXPERIMENT_FILES_H_

#include <string>
#include <vector>

namespace forensics::analyzer {

struct ExperimentFiles {
  std::vector<std::string> files;  // each once, by the first of its names
  std::vector<std::string> notes;  // which were named again
  // Of a directory: the reference's file and the plan's eight that it lacks, by name; by path where
  // there is more than one input.
  std::vector<std::string> lacking;
  // Inputs that are not there: messages.
  std::vector<std::string> missing;
};

// Inputs are files, or directories of which experiment 0's file, the plan's eight and any other
// *_experiment.json are taken, in this order.
ExperimentFiles FindExperimentFiles(const std::vector<std::string>& inputs);

}  // namespace forensics::analyzer

#endif  // ANALYZER_EXPERIMENT_FILES_H_
