// Experiment files of real size, for benchmarks and memory tests.
#ifndef ANALYZER_TESTING_LARGE_EXPERIMENT_H_
#define ANALYZER_TESTING_LARGE_EXPERIMENT_H_

#include <string>

namespace forensics::analyzer {

struct LargeExperiment {
  int configurations = 2;
  int repetitions = 1;  // all stored
  int steps = 30;
  int hidden_size = 2048;
  int key_size = 512;
  bool repeat_windows = true;  // false: every vector of every step is new
};

// Writes an experiment with five layers and three positions to `path`: values as a trained model
// has them, in shortest float32 text. Returns its size in bytes, or 0 if it cannot be written.
size_t WriteLargeExperiment(const LargeExperiment& shape, const std::string& path);

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_LARGE_EXPERIMENT_H_
