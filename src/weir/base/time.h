// Time as types: instants of a monotonic clock, durations, and deadlines. Reading a clock is runtime's business.
#pragma once

#include <chrono>
#include <cstdint>

#include "weir/base/ids.h"

namespace weir {

using Duration = std::chrono::nanoseconds;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""ns;
using std::chrono_literals::operator""min;

// An instant of the monotonic clock of one node, in nanoseconds since an arbitrary start.
struct MonoTime {
  int64_t ns = 0;

  friend constexpr auto operator<=>(const MonoTime&, const MonoTime&) = default;
  friend constexpr MonoTime operator+(MonoTime t, Duration d) { return {t.ns + d.count()}; }
  friend constexpr Duration operator-(MonoTime a, MonoTime b) { return Duration(a.ns - b.ns); }
};

inline constexpr MonoTime kFarFuture{INT64_MAX};

// The instant after which a wait gives up with kDeadlineExceeded.
struct Deadline {
  MonoTime when = kFarFuture;
  static constexpr Deadline never() { return {}; }
  static constexpr Deadline at(MonoTime when) { return {when}; }
};

}  // namespace weir
