// One entry of "configurations".
#ifndef COLLECTOR_CONFIGURATION_WRITER_H_
#define COLLECTOR_CONFIGURATION_WRITER_H_

#include <string>

#include "absl/status/status.h"
#include "collector/experiment_plan.h"
#include "collector/json_writer.h"

namespace forensics::collector {

// Writes the object. `variable` is the one tested: fixed_params holds the others. Of concurrent
// work the intervals are read from the stored shards, whose errors are returned.
absl::Status WriteConfiguration(const std::string& variable, const Configuration& configuration,
                                JsonWriter& json);

// "forced" or "free".
const char* Decoding(const schema::RunManifest& manifest);

}  // namespace forensics::collector

#endif  // COLLECTOR_CONFIGURATION_WRITER_H_
