// Durations as people type them. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "weir/base/error.h"

namespace weir::cli {

// "500ms", "90m", "2h30m", "1d", or ISO 8601 without months: "P1DT2H", "PT1H30M", "PT0.5S". Milliseconds.
// Errors: kInvalidArgument, a sentence.
Result<int64_t> parse_timespan(std::string_view text);

}  // namespace weir::cli
