// The group options, sorted by name. Columns: name, type, default, check, how it may be changed; effect, what it is for.
#pragma once

#include "weir/metadata/config_rows.h"

namespace weir::metadata::config_rows {

// clang-format off
inline constexpr ConfigOption kGroupRows[] = {
    {"consumer.assignment.interval.ms", kInt, "1000", at_least(0), kClusterWide,
     kNoConsumerGroups, "Least time between assignments of this consumer group."},
    {"consumer.heartbeat.interval.ms", kInt, "5000", at_least(1), kClusterWide,
     kNoConsumerGroups, "Heartbeat interval given to members of this consumer group."},
    {"consumer.session.timeout.ms", kInt, "45000", at_least(1), kClusterWide,
     kNoConsumerGroups, "Silence after which a member of this consumer group is removed."},
    {"share.assignment.interval.ms", kInt, "1000", at_least(0), kClusterWide,
     kNoShareGroups, "Least time between assignments of this share group."},
    {"share.auto.offset.reset", kString, "latest", any(), kClusterWide,
     kNoShareGroups, "Where this share group begins in a partition: latest, earliest, or by_duration:PT..."},
    {"share.delivery.count.limit", kInt, "5", at_least(2), kClusterWide,
     kNoShareGroups, "Deliveries of a record before it is given up."},
    {"share.heartbeat.interval.ms", kInt, "5000", at_least(1), kClusterWide,
     kNoShareGroups, "Heartbeat interval given to members of this share group."},
    {"share.isolation.level", kString, "read_uncommitted", one_of("read_committed,read_uncommitted"), kClusterWide,
     kNoShareGroups, "Whether this share group sees records of undecided transactions."},
    {"share.partition.max.record.locks", kInt, "2000", at_least(100), kClusterWide,
     kNoShareGroups, "Most records of a share partition locked at once."},
    {"share.record.lock.duration.ms", kInt, "30000", at_least(1000), kClusterWide,
     kNoShareGroups, "How long an acquired record stays locked."},
    {"share.renew.acknowledge.enable", kBoolean, "true", any(), kClusterWide,
     kNoShareGroups, "Let members prolong their locks."},
    {"share.session.timeout.ms", kInt, "45000", at_least(1), kClusterWide,
     kNoShareGroups, "Silence after which a member of this share group is removed."},
    {"streams.assignment.interval.ms", kInt, "1000", at_least(0), kClusterWide,
     kNoStreamsGroups, "Least time between assignments of this streams group."},
    {"streams.heartbeat.interval.ms", kInt, "5000", at_least(1), kClusterWide,
     kNoStreamsGroups, "Heartbeat interval given to members of this streams group."},
    {"streams.initial.rebalance.delay.ms", kInt, "3000", at_least(0), kClusterWide,
     kNoStreamsGroups, "How long the first assignment of this streams group waits for more members."},
    {"streams.num.standby.replicas", kInt, "0", at_least(0), kClusterWide,
     kNoStreamsGroups, "Standby replicas of each task."},
    {"streams.session.timeout.ms", kInt, "45000", at_least(1), kClusterWide,
     kNoStreamsGroups, "Silence after which a member of this streams group is removed."},
};
// clang-format on

}  // namespace weir::metadata::config_rows
