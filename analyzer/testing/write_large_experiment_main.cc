// Writes an experiment file of real size: PATH CONFIGURATIONS REPETITIONS [norepeat]
#include <cstdlib>
#include <iostream>
#include <string>

#include "analyzer/testing/large_experiment.h"

int main(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "usage: write_large_experiment PATH CONFIGURATIONS REPETITIONS [norepeat]\n";
    return 2;
  }
  forensics::analyzer::LargeExperiment shape;
  shape.configurations = std::atoi(argv[2]);
  shape.repetitions = std::atoi(argv[3]);
  shape.repeat_windows = argc == 4;
  const size_t size = forensics::analyzer::WriteLargeExperiment(shape, argv[1]);
  std::cout << size << " bytes\n";
  return size > 0 ? 0 : 1;
}
