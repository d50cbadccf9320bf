#include "weir/runtime/sim/clock.h"

namespace weir::runtime {

namespace {
constexpr int64_t kNanosPerMs = 1'000'000;
}  // namespace

SimClock::SimClock(SimCore& core, const SimExecutor& executor, std::string_view name)
    : executor_(executor), start_ns_(executor.now().ns), offset_ns_(core.options.wall_start_ms * kNanosPerMs) {
  const int64_t most = core.options.wall_offset_max_ms;
  Prng offsets = core.stream(name, "wall offset");
  offset_ns_ += offsets.between(-most, most) * kNanosPerMs;
}

TimestampMs SimClock::wall_ms() const { return (offset_ns_ + executor_.now().ns - start_ns_) / kNanosPerMs; }

}  // namespace weir::runtime
