// Loaded into a program before the system's libraries: the time of day goes back by an hour as soon
// as the file $CLOCK_BACK is there.
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  constexpr time_t kHour = 3600;
  const long result = syscall(SYS_clock_gettime, clock, time);
  const char* back = std::getenv("CLOCK_BACK");
  if (clock == CLOCK_REALTIME && back != nullptr && access(back, F_OK) == 0) time->tv_sec -= kHour;
  return static_cast<int>(result);
}
