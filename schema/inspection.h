// What an inspection shows.
#ifndef SCHEMA_INSPECTION_H_
#define SCHEMA_INSPECTION_H_

#include <string>
#include <vector>

namespace forensics::schema {

struct Inspection {
  std::string text;
  std::vector<std::string> problems;  // damaged parts of something that holds more
};

}  // namespace forensics::schema

#endif  // SCHEMA_INSPECTION_H_
