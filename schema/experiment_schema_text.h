// experiment_schema.json as a string; the definition is generated from the file.
#ifndef SCHEMA_EXPERIMENT_SCHEMA_TEXT_H_
#define SCHEMA_EXPERIMENT_SCHEMA_TEXT_H_

namespace forensics::schema {

extern const char kExperimentSchemaText[];

}  // namespace forensics::schema

#endif  // SCHEMA_EXPERIMENT_SCHEMA_TEXT_H_
