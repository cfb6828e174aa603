// What is printed when the work is done.
#ifndef RUNNER_SUMMARY_H_
#define RUNNER_SUMMARY_H_

#include <string>

#include "schema/run.pb.h"

namespace forensics::runner {

// A block of lines about one finished configuration: path, verdict, digest, run times, tokens/s.
std::string Summarize(const schema::RunManifest& manifest, const std::string& path);

// What to type next, given where results went: paths as the user would type them.
std::string NextCommand(const schema::RunManifest& manifest, const std::string& results);

}  // namespace forensics::runner

#endif  // RUNNER_SUMMARY_H_
