// Numbers as the reports write them.
#ifndef ANALYZER_READING_NUMBER_TEXT_H_
#define ANALYZER_READING_NUMBER_TEXT_H_

#include <string>

namespace forensics::analyzer {

// The shortest decimal that reads back to the same float64: "0.1", "3", "1e-07"; also "NaN",
// "Infinity", "-Infinity".
std::string NumberText(double value);

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_NUMBER_TEXT_H_
