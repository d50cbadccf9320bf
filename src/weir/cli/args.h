// The command line: what was typed becomes a call of a command.
#pragma once

#include <cstdint>

namespace weir::cli {

// Parses, runs, and returns the exit code. `started_ns` is CLOCK_MONOTONIC at the beginning of main.
int run_command_line(int argc, const char* const* argv, int64_t started_ns);

}  // namespace weir::cli
