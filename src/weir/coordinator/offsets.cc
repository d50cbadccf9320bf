#include "weir/coordinator/offsets.h"

#include "weir/base/assert.h"
#include "weir/protocol/internal/consumer_protocol_subscription.h"
#include "weir/protocol/versioned.h"

namespace weir::coordinator {
namespace {

// Subscribed topics by metadata as consumers write it; false when it is something else.
bool add_topics(ByteView metadata, std::set<std::string, std::less<>>& topics) {
  const auto subscription = protocol::decode_growing_value<protocol::ConsumerProtocolSubscription>(metadata);
  if (!subscription) return false;
  topics.insert(subscription->topics.begin(), subscription->topics.end());
  return true;
}

}  // namespace

void Offsets::apply(const OffsetChange& change) {
  if (change.value) {
    const bool is_new = topics_[change.place.topic].insert_or_assign(change.place.partition, *change.value).second;
    count_ += is_new ? 1 : 0;
    return;
  }
  const auto topic = topics_.find(change.place.topic);
  if (topic == topics_.end()) return;
  const size_t erased = topic->second.erase(change.place.partition);
  WEIR_ASSERT(count_ >= erased, count_, erased);
  count_ -= erased;
  if (topic->second.empty()) topics_.erase(topic);
}

const CommittedOffset* Offsets::find(std::string_view topic, PartitionIndex partition) const {
  const auto of_topic = topics_.find(topic);
  if (of_topic == topics_.end()) return nullptr;
  const auto found = of_topic->second.find(partition);
  return found == of_topic->second.end() ? nullptr : &found->second;
}

const CommittedOffset* Offsets::find(std::string_view topic, Uuid topic_id, PartitionIndex partition) const {
  const CommittedOffset* found = find(topic, partition);
  return found != nullptr && found->fits(topic_id) ? found : nullptr;
}

std::optional<std::set<std::string, std::less<>>> subscribed_topics(const group::GroupState& group) {
  std::set<std::string, std::less<>> topics;
  if (group.members.empty()) return topics;
  if (!group.uses_consumer_protocol() || !group.protocol) return std::nullopt;
  for (const auto& [id, member] : group.members) {
    const group::Protocol* protocol = member.protocol(*group.protocol);
    if (protocol == nullptr || !add_topics(protocol->metadata, topics)) return std::nullopt;
  }
  return topics;
}

std::vector<OffsetPlace> expired(const group::GroupState& group, const Offsets& offsets, int64_t retention_ms, TimestampMs now) {
  std::vector<OffsetPlace> due;
  const bool is_simple = !group.protocol_type;
  const bool is_empty = group.phase == group::Phase::kEmpty;
  std::optional<std::set<std::string, std::less<>>> read;
  if (!is_simple && !is_empty) {
    if (group.phase != group::Phase::kStable) return due;
    read = subscribed_topics(group);
    if (!read) return due;
  }
  for (const auto& [topic, partitions] : offsets.topics()) {
    if (read && read->contains(topic)) continue;
    for (const auto& [partition, committed] : partitions) {
      const bool counts_from_empty = !is_simple && is_empty && group.phase_since_ms != kNoTimestamp;
      const TimestampMs since = counts_from_empty ? group.phase_since_ms : committed.commit_time;
      const bool is_due = committed.expire_time != kNoTimestamp ? now >= committed.expire_time : now - since >= retention_ms;
      if (is_due) due.push_back({topic, partition});
    }
  }
  return due;
}

}  // namespace weir::coordinator
