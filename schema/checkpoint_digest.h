// What stands for a checkpoint: the digest in manifests (ModelInfo.digest).
#ifndef SCHEMA_CHECKPOINT_DIGEST_H_
#define SCHEMA_CHECKPOINT_DIGEST_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"

namespace forensics::schema {

inline constexpr char kCheckpointConfigFile[] = "config.json";

// Whether a file of this name, right in a checkpoint's folder, is part of it: the configuration or
// weights. What only describes a model (README.md, a tokenizer) changes no bit of its tensors.
bool IsCheckpointFile(absl::string_view name);

// SHA-256 (hex) of what `sha256sum` prints of the checkpoint's files, in the order of their names,
// so that anyone can recompute it. `files`: {name without the folder: SHA-256 in hex}.
std::string CheckpointDigest(const std::map<std::string, std::string>& files);

}  // namespace forensics::schema

#endif  // SCHEMA_CHECKPOINT_DIGEST_H_
