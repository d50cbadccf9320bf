// What the operating system says about this process.
#pragma once

#include <cstdint>

#include "weir/node/options.h"
#include "weir/runtime/real/loop.h"

namespace weir::cli {

node::ProcessStats process_stats(const runtime::LoopCounters& loop);
double own_cpu_seconds();
// CLOCK_MONOTONIC.
int64_t monotonic_ns();
// As many descriptors as the system lets us have (a broker needs one for each connection and segment in use); how many that is.
uint64_t raise_descriptor_limit();
// The same for a client that opens `connections`. Errors: kInvalidArgument, a sentence.
Result<void> make_room_for_connections(uint64_t connections);

}  // namespace weir::cli
