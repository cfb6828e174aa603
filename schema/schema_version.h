// The version of everything on disk.
#ifndef SCHEMA_SCHEMA_VERSION_H_
#define SCHEMA_SCHEMA_VERSION_H_

namespace forensics::schema {

inline constexpr int kSchemaVersion = 1;

}  // namespace forensics::schema

#endif  // SCHEMA_SCHEMA_VERSION_H_
