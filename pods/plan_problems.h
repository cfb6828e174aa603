// What is wrong with what a plan says, whatever the machine is like.
#ifndef PODS_PLAN_PROBLEMS_H_
#define PODS_PLAN_PROBLEMS_H_

#include <string>
#include <vector>

#include "pods/plan.pb.h"

namespace forensics::pods {

// Each adds what it finds, field, expected and found, to `problems`: all of it, not only the first.

// Of the repositories, before a folder of models replaces them.
void FindRepositoryProblems(const Plan& plan, std::vector<std::string>& problems);

// Of all fields, before defaults are filled in.
void FindProblems(const Plan& plan, std::vector<std::string>& problems);

// Of the models' folders, when all paths are where the user meant them: what one model is deleted
// from must hold no other.
void FindFolderProblems(const Plan& plan, std::vector<std::string>& problems);

}  // namespace forensics::pods

#endif  // PODS_PLAN_PROBLEMS_H_
