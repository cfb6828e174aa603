// What is printed when the work is done.
#ifndef RUNNER_SUMMARY_H_
#define RUNNER_SUMMARY_H_

#include <string>

#include "schema/run.pb.h"

namespace forensics::runner {

// A block of lines about one finished configuration: path, verdict, digest, run times, tokens/s; of
// a batch, its neighbours; of concurrent work, what it was and how far inference was slowed down.
// `reference` is the manifest of the run whose tokens were fed; null if there is none.
std::string Summarize(const schema::RunManifest& manifest, const std::string& path,
                      const schema::RunManifest* reference);

// What to type next, given where results went: paths as the user would type them.
std::string NextCommand(const schema::RunManifest& manifest, const std::string& results);

}  // namespace forensics::runner

#endif  // RUNNER_SUMMARY_H_
