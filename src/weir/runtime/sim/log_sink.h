// Log lines of a simulated node: part of the trace, and of the fingerprint.
#pragma once

#include "weir/base/log.h"
#include "weir/runtime/sim/core.h"

namespace weir::runtime {

class SimLogSink final : public LogSink {
 public:
  SimLogSink(SimCore& core, int32_t node) : core_(core), node_(node) {}
  void write(LogLevel level, std::string_view module, std::string_view line) override;

 private:
  SimCore& core_;
  int32_t node_;
};

}  // namespace weir::runtime
