// Experiment files of real size, for benchmarks and memory tests.
#ifndef ANALYZER_TESTING_LARGE_EXPERIMENT_H_
#define ANALYZER_TESTING_LARGE_EXPERIMENT_H_

#include <string>

namespace forensics::analyzer {

struct LargeExperiment {
  std::string type = "batch_size";    // and the variable
  int configurations = 2;             // a hardware; the variable's values are 1, 2, ...
  int hardware = 1;                   // A100-80GB, H100, H200, B200: 4 at most
  int repetitions = 1;                // of each configuration
  int stored = 1;                     // the last so many of them have signals
  bool identical_repetitions = true;  // all have the same digest, and stored ones the same signals
  int steps = 30;
  int hidden_size = 2048;
  int key_size = 512;
  bool repeat_windows = true;  // false: every vector of every step is new
};

// Writes an experiment with five layers, three positions and ten log-probabilities to `path`, with
// all that the plan's analysis asks for: values as a trained model has them, in shortest float32
// text, those of two configurations about a thousandth apart. Returns its size in bytes, or 0 if it
// cannot be written.
size_t WriteLargeExperiment(const LargeExperiment& shape, const std::string& path);

}  // namespace forensics::analyzer

#endif  // ANALYZER_TESTING_LARGE_EXPERIMENT_H_
