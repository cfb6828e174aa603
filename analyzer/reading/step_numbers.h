// Steps that a file numbers from 1.
#ifndef ANALYZER_READING_STEP_NUMBERS_H_
#define ANALYZER_READING_STEP_NUMBERS_H_

#include "analyzer/reading/experiment.h"

namespace forensics::analyzer {

// Numbers the steps of such runs from 0, as the schema does and as phases and contexts count on,
// and adds a finding. A run counts from 1 if its steps are 1 to n and n is the file's
// "decode_steps" or, where the file does not say, no run of the file has a step 0. Otherwise step 0
// is missing, and that is left as it is.
void NumberStepsFromZero(Experiment& experiment);

}  // namespace forensics::analyzer

#endif  // ANALYZER_READING_STEP_NUMBERS_H_
