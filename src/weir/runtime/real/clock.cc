#include "weir/runtime/real/clock.h"

#include <time.h>

namespace weir::runtime {

TimestampMs RealClock::wall_ms() const {
  timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * 1000 + time.tv_nsec / 1'000'000;
}

}  // namespace weir::runtime
