#include "weir/storage/retention.h"

#include "weir/base/assert.h"

namespace weir::storage {

size_t expired_segments(std::span<const SegmentFacts> segments, const LogOptions& options, Offset log_start, Offset high_watermark,
                        TimestampMs now) {
  int64_t size = 0;
  for (const SegmentFacts& segment : segments) size += segment.size_bytes;
  size_t count = 0;
  for (const SegmentFacts& segment : segments) {
    WEIR_ASSERT(segment.base_offset <= segment.next_offset, segment.base_offset, segment.next_offset);
    const bool is_last = count + 1 == segments.size();
    if (segment.next_offset > high_watermark || (is_last && segment.size_bytes == 0)) break;
    const bool too_old = options.cleanup_delete && options.retention_ms >= 0 && now - segment.largest_timestamp > options.retention_ms;
    // By size only what is beyond the bound as a whole: the log never falls below retention.bytes.
    const bool too_much = options.cleanup_delete && options.retention_bytes >= 0 && size - segment.size_bytes >= options.retention_bytes;
    const bool below_start = segment.next_offset <= log_start;
    if (!(too_old || (!is_last && (too_much || below_start)))) break;
    size -= segment.size_bytes;
    ++count;
  }
  return count;
}

}  // namespace weir::storage
