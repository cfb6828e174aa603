// Times of a session.
#ifndef PODS_CLOCK_H_
#define PODS_CLOCK_H_

namespace forensics::pods {

// Seconds since 1970 when this was first called, and those that passed since: a time of day that is
// set meanwhile changes no duration.
double Now();

}  // namespace forensics::pods

#endif  // PODS_CLOCK_H_
