// Which segments of a log retention.ms and retention.bytes no longer protect. Pure.
#pragma once

#include <cstdint>
#include <span>

#include "weir/base/ids.h"
#include "weir/storage/log_options.h"

namespace weir::storage {

struct SegmentFacts {
  Offset base_offset;
  Offset next_offset;                        // of the segment after it, or the end of the log
  int64_t size_bytes = 0;
  TimestampMs largest_timestamp = kNoTimestamp;   // the file's time where records have none
};

// How many of `segments`, oldest first, may go. All of them are never proposed unless the last one has expired by time and
// holds records: it must then be rolled first. Segments that end above `high_watermark` stay.
size_t expired_segments(std::span<const SegmentFacts> segments, const LogOptions& options, Offset log_start, Offset high_watermark,
                        TimestampMs now);

}  // namespace weir::storage
