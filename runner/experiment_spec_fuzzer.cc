// Any text is refused with a place, or is a spec that survives being written and read again.
#include <google/protobuf/text_format.h>

#include <string>

#include "absl/strings/match.h"
#include "runner/experiment_spec.h"
#include "tools/fuzzing/fuzz_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using forensics::fuzzing::Expect;
  namespace runner = forensics::runner;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = runner::ParseExperimentSpec(text);
  if (!spec.ok()) {
    const absl::string_view message = spec.status().message();
    Expect(absl::StrContains(message, "experiment spec: line ") ||
               absl::StrContains(message, ": text that is not UTF-8") ||
               absl::StartsWith(message, "experiment '"),
           "an error says the line, the field or the experiment", message);
    return 0;
  }
  Expect(!runner::ConfigurationsOf(*spec).empty(), "a spec has a configuration");
  for (const int layers : {1, 48}) {
    const auto extraction = runner::ResolveExtraction(spec->extraction(), layers);
    if (!extraction.ok()) continue;
    Expect(extraction->layers_size() > 0 && extraction->layers(0) >= 0 &&
               extraction->layers(extraction->layers_size() - 1) < layers,
           "the layers to extract exist");
  }
  std::string written;
  google::protobuf::TextFormat::PrintToString(*spec, &written);
  const auto again = runner::ParseExperimentSpec(written);
  Expect(again.ok(), "what was written can be read", again.status().message());
  Expect(again->SerializeAsString().size() == spec->SerializeAsString().size(),
         "reading what was written gives the same spec", written);
  return 0;
}
