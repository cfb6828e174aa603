// testdata/hopper/mufu_*.gz as part of the program. Internal to special_functions.
#ifndef RUNNER_OPS_TENSOR_CORE_RECORDED_FUNCTIONS_H_
#define RUNNER_OPS_TENSOR_CORE_RECORDED_FUNCTIONS_H_

namespace forensics::runner {

struct RecordedFunction {
  const unsigned char* gzip;
  unsigned size;
};

extern const RecordedFunction kRecordedExp2, kRecordedReciprocal, kRecordedReciprocalSqrtFromOne,
    kRecordedReciprocalSqrtFromTwo, kRecordedLog2FromHalf, kRecordedLog2FromOne;

}  // namespace forensics::runner

#endif  // RUNNER_OPS_TENSOR_CORE_RECORDED_FUNCTIONS_H_
