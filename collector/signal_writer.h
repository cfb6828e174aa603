// The decode_steps of one repetition.
#ifndef COLLECTOR_SIGNAL_WRITER_H_
#define COLLECTOR_SIGNAL_WRITER_H_

#include "absl/status/status.h"
#include "collector/json_writer.h"
#include "schema/shard.h"

namespace forensics::collector {

// Writes the array of steps. The shard has each position once; the JSON repeats it in every step
// whose window of the last `window` positions it is in, so its text is made once and written up to
// `window` times. `repetition` must be one that ReadRepetition has checked.
absl::Status WriteSteps(const schema::Repetition& repetition, int window, JsonWriter& json);

}  // namespace forensics::collector

#endif  // COLLECTOR_SIGNAL_WRITER_H_
