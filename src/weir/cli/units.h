// Durations and sizes as people type them. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "weir/base/error.h"

namespace weir::cli {

// A duration in nanoseconds, and the end of one that begins now, fit into 64 bits.
inline constexpr int64_t kTimespanMaxMs = int64_t{100'000} * 86'400'000;
inline constexpr uint64_t kByteCountMax = uint64_t{1} << 50;

// "500ms", "90m" (or min), "2h30m", "1d", or ISO 8601 without months: "P1DT2H", "PT1H30M", "PT0.5S". Milliseconds, at most
// kTimespanMaxMs. Errors: kInvalidArgument, a sentence.
Result<int64_t> parse_timespan(std::string_view text);

// "4096", "16k", "1.5MiB", "2g": k, m and g are powers of 1024. At most kByteCountMax. Errors: kInvalidArgument, a sentence.
Result<uint64_t> parse_byte_count(std::string_view text);

}  // namespace weir::cli
