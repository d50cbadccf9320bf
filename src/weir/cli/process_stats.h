// What the operating system says about this process.
#pragma once

#include "weir/node/options.h"
#include "weir/runtime/real/loop.h"

namespace weir::cli {

node::ProcessStats process_stats(const runtime::LoopCounters& loop);
// CLOCK_MONOTONIC.
int64_t monotonic_ns();

}  // namespace weir::cli
