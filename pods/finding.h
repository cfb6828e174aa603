// One thing that was looked at before time is spent.
#ifndef PODS_FINDING_H_
#define PODS_FINDING_H_

#include <string>
#include <vector>

namespace forensics::pods {

struct Finding {
  enum Verdict { kOk, kNote, kWrong };
  Verdict verdict = kOk;
  std::string subject;  // "disk"
  std::string text;     // what was found, and what was expected
  std::string advice;   // what to do, where it is wrong
};

// "wrong  disk      /pod: 3.1 GB free, 36 GB needed\n                 what to do: ..."
std::string FindingText(const Finding& finding);

bool AnyWrong(const std::vector<Finding>& findings);

}  // namespace forensics::pods

#endif  // PODS_FINDING_H_
