// Wall-clock time of a simulated node: its own offset, its own rate, and jumps.
#pragma once

#include <string_view>

#include "weir/runtime/clock.h"
#include "weir/runtime/sim/executor.h"

namespace weir::runtime {

class SimClock final : public Clock {
 public:
  SimClock(SimCore& core, const SimExecutor& executor, std::string_view name);
  TimestampMs wall_ms() const override;
  void jump(Duration by) { offset_ns_ += by.count(); }

 private:
  const SimExecutor& executor_;
  int64_t start_ns_;   // of local time
  int64_t offset_ns_;  // since 1970
};

}  // namespace weir::runtime
