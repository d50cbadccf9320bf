// The system's wall clock.
#pragma once

#include "weir/runtime/clock.h"

namespace weir::runtime {

class RealClock final : public Clock {
 public:
  TimestampMs wall_ms() const override;
};

}  // namespace weir::runtime
