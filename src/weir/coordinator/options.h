// What the configuration says about groups and their offsets. Names and defaults are Kafka's; all are read at the start.
#pragma once

#include <cstdint>

#include "weir/coordinator/group/machine.h"
#include "weir/metadata/static_config.h"
#include "weir/record/batch.h"

namespace weir::coordinator {

// Tests of the tests: bugs that the simulator's checkers must find. No configuration sets them.
struct PlantedBugs {
  bool answer_before_commit = false;  // an append is taken for committed
  bool stale_commits = false;         // who commits, and of which generation, is not checked
  bool reload_keeps_first = false;    // of several records of one position the oldest is loaded
};

struct Options {
  group::Rules rules;                             // group.initial.rebalance.delay.ms, group.max.size
  int32_t session_min_ms = 6'000;                 // group.min.session.timeout.ms
  int32_t session_max_ms = 1'800'000;             // group.max.session.timeout.ms
  int32_t metadata_bytes_max = 4'096;             // offset.metadata.max.bytes
  int64_t commit_timeout_ms = 5'000;              // offsets.commit.timeout.ms
  int64_t retention_ms = 7ll * 24 * 3600 * 1000;  // offsets.retention.minutes
  int64_t retention_check_ms = 600'000;           // offsets.retention.check.interval.ms
  int32_t load_bytes = 5 << 20;                   // offsets.load.buffer.size
  int32_t topic_partitions = 50;                  // offsets.topic.num.partitions
  int16_t topic_replicas = 3;                     // offsets.topic.replication.factor
  int32_t topic_segment_bytes = 100 << 20;        // offsets.topic.segment.bytes
  record::Compression compression = record::Compression::kNone;  // offsets.topic.compression.codec: of what is appended
  PlantedBugs planted;
};

Options options_from(const metadata::StaticConfig& fixed);

}  // namespace weir::coordinator
