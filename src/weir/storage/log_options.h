// What a topic's configuration says about its log, and what a log is told when it is opened.
//
// Names and defaults are Kafka's topic configurations (docs/configuration.md); values are checked where they are parsed.
#pragma once

#include <cstdint>

#include "weir/base/ids.h"
#include "weir/base/time.h"

namespace weir::storage {

// A configured time; what is longer than a century counts as a century, so that adding it to a clock cannot overflow.
constexpr Duration duration_of_ms(int64_t ms) {
  constexpr int64_t kCenturyMs = int64_t{100} * 365 * 24 * 3600 * 1000;
  return std::chrono::milliseconds(ms < kCenturyMs ? ms : kCenturyMs);
}

struct LogOptions {
  int64_t segment_bytes = int64_t{1} << 30;               // segment.bytes
  int64_t segment_ms = int64_t{7} * 24 * 3600 * 1000;     // segment.ms
  int64_t segment_jitter_ms = 0;                          // segment.jitter.ms
  int64_t segment_index_bytes = 10 << 20;                 // segment.index.bytes, of each index
  int64_t index_interval_bytes = 4096;                    // index.interval.bytes
  int64_t flush_messages = INT64_MAX;                     // flush.messages
  int64_t flush_ms = INT64_MAX;                           // flush.ms
  bool flush_on_ack = false;                              // weir.flush.on.ack: every append asks for a flush at once
  int64_t retention_ms = int64_t{7} * 24 * 3600 * 1000;   // retention.ms, -1: for ever
  int64_t retention_bytes = -1;                           // retention.bytes, -1: no bound
  bool cleanup_delete = true;                             // cleanup.policy has "delete"
  int64_t file_delete_delay_ms = 60000;                   // file.delete.delay.ms
  int64_t producer_id_expiration_ms = int64_t{24} * 3600 * 1000;
  bool planted_ack_before_sync = false;                   // tests of the tests: durable_end() moves before the sync returns
};

// How far a log's files may be trusted when it is opened.
struct LogRecovery {
  bool clean = false;            // stopped cleanly: indexes, snapshots and sizes are as we (or Kafka) left them
  Offset recovery_point{0};      // everything below was synced before (recovery-point-offset-checkpoint)
  Offset log_start{0};           // log-start-offset-checkpoint
  Offset high_watermark{0};      // replication-offset-checkpoint
};

}  // namespace weir::storage
