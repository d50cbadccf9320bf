// How long to wait before something that failed is tried again.
#pragma once

#include "weir/base/time.h"
#include "weir/runtime/random.h"

namespace weir::rpc {

// Twice as long after each failure, from `first` up to `max`.
struct Backoff {
  Duration first = 100ms;
  Duration max = 1s;

  // After so many failures in a row, at least one.
  Duration after(int failures) const;
};

// `pause`, 20 % more or less: those that failed together do not come back together.
Duration jittered(Duration pause, runtime::Random& random);

}  // namespace weir::rpc
