// What the coordinator counts, under Kafka's JMX names.
//
// Owner    GroupCoordinator; the counters live in the node's registry.
// Shard    the broker shard.
#pragma once

#include "weir/base/metrics.h"

namespace weir::coordinator {

struct Metrics {
  explicit Metrics(MetricRegistry& registry)
      : offset_commits(registry.counter("kafka_server_groupcoordinatormetrics_offset_commit_total", "Positions committed by groups.")),
        offset_expirations(registry.counter("kafka_server_groupcoordinatormetrics_offset_expiration_total",
                                            "Committed positions forgotten because their time was over.")),
        offset_deletions(registry.counter("kafka_server_groupcoordinatormetrics_offset_deletion_total",
                                          "Committed positions deleted by request.")),
        completed_rebalances(registry.counter("kafka_server_groupcoordinatormetrics_group_completed_rebalance_total",
                                              "Rebalances of classic groups that ended with an assignment.")),
        load_ms(registry.histogram("kafka_server_groupcoordinatormetrics_partition_load_time_ms",
                                   "Milliseconds to load a partition of __consumer_offsets.")) {}

  Counter& offset_commits;
  Counter& offset_expirations;
  Counter& offset_deletions;
  Counter& completed_rebalances;
  Histogram& load_ms;
};

}  // namespace weir::coordinator
