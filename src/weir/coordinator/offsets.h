// The positions a group has committed, and when they are forgotten.
//
// Owner    GroupEntry of the coordinator.
// Shard    the broker shard.
// Format   docs/formats/consumer-offsets.md (records 0 and 1).
// Holds    - only what is committed in the log is in here; what is replayed later wins
//          - count() is the number of positions in topics(); no topic is without any
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/coordinator/group/state.h"

namespace weir::coordinator {

struct CommittedOffset {
  // Whether it may be of the topic with this id; an id that is not known fits any.
  bool fits(Uuid topic) const { return topic.is_zero() || topic_id.is_zero() || topic == topic_id; }

  Offset offset;
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::string metadata;
  TimestampMs commit_time = kNoTimestamp;
  TimestampMs expire_time = kNoTimestamp;  // only where an old client asked for one
  Uuid topic_id;                           // zero where the record had none
};

struct OffsetPlace {
  std::string topic;
  PartitionIndex partition;
  friend auto operator<=>(const OffsetPlace&, const OffsetPlace&) = default;
};

// A topic that is gone: positions of one that has its name and another id stay.
struct DeletedTopic {
  std::string name;
  Uuid id;
};

// One change of one position; without a value it is forgotten.
struct OffsetChange {
  OffsetPlace place;
  std::optional<CommittedOffset> value;
};

class Offsets {
 public:
  using Partitions = std::map<PartitionIndex, CommittedOffset>;

  void apply(const OffsetChange& change);
  // nullptr when nothing is committed there.
  const CommittedOffset* find(std::string_view topic, PartitionIndex partition) const;
  // nullptr also when it was committed to an earlier topic of that name: a crash between the deletion of a topic and the
  // tombstones of its positions leaves such. `topic_id` zero: any.
  const CommittedOffset* find(std::string_view topic, Uuid topic_id, PartitionIndex partition) const;
  const std::map<std::string, Partitions, std::less<>>& topics() const { return topics_; }
  bool empty() const { return topics_.empty(); }
  size_t count() const { return count_; }

 private:
  std::map<std::string, Partitions, std::less<>> topics_;
  size_t count_ = 0;
};

// Topics the members of a consumer group subscribe to; nothing where that cannot be read from their metadata.
std::optional<std::set<std::string, std::less<>>> subscribed_topics(const group::GroupState& group);

// Which positions are due to be forgotten (KIP-211): all of an empty group that has been empty for the retention time; those
// of topics that a live consumer group has stopped reading; those of a group without members by the time of their commit.
std::vector<OffsetPlace> expired(const group::GroupState& group, const Offsets& offsets, int64_t retention_ms, TimestampMs now);

}  // namespace weir::coordinator
