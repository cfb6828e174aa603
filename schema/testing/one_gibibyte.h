// What hostile files may cost.
#ifndef SCHEMA_TESTING_ONE_GIBIBYTE_H_
#define SCHEMA_TESTING_ONE_GIBIBYTE_H_

#include <functional>
#include <string>

namespace forensics::schema {

// What `say` returns in a process of 1 GiB. Not with AddressSanitizer, which needs more address
// space.
std::string SaidInOneGibibyte(const std::function<std::string()>& say);

}  // namespace forensics::schema

#endif  // SCHEMA_TESTING_ONE_GIBIBYTE_H_
