// Wall-clock time of a node. Monotonic time is Executor::now().
#pragma once

#include "weir/base/time.h"

namespace weir::runtime {

class Clock {
 public:
  virtual ~Clock() = default;
  // Milliseconds since 1970 UTC. May jump either way.
  virtual TimestampMs wall_ms() const = 0;
};

}  // namespace weir::runtime
