// How partitions of __consumer_offsets come and go: made on demand, swept of what has expired, given up.
#include "weir/coordinator/group_coordinator.h"
#include "weir/coordinator/partition_of.h"
#include "weir/protocol/create_topics.h"
#include "weir/storage/log_options.h"

namespace weir::coordinator {

Task<Result<BrokerId>> GroupCoordinator::coordinator_of(std::string group) {
  if (metadata_.image()->topic(kOffsetsTopic) == nullptr) {
    if (resigned_ || is_creating_topic_) co_return fail(ErrorCode::kCoordinatorNotAvailable);
    is_creating_topic_ = true;
    co_await create_topic();
    is_creating_topic_ = false;
  }
  const metadata::MetadataImage& image = *metadata_.image();
  const metadata::Topic* topic = image.topic(kOffsetsTopic);
  if (topic == nullptr || topic->partition_count() == 0) co_return fail(ErrorCode::kCoordinatorNotAvailable);
  const metadata::Partition* partition = topic->partition(partition_of(group, topic->partition_count()));
  if (partition == nullptr || !image.is_alive(partition->leader)) co_return fail(ErrorCode::kCoordinatorNotAvailable);
  co_return partition->leader;
}

Task<void> GroupCoordinator::create_topic() {
  int16_t alive = 0;
  for (const auto& [id, broker] : metadata_.image()->brokers) alive = static_cast<int16_t>(alive + (broker->fenced ? 0 : 1));
  protocol::CreateTopicsRequest request;
  auto& topic = request.topics.emplace_back();
  topic.name = kOffsetsTopic;
  topic.num_partitions = options_.topic_partitions;
  topic.replication_factor = std::min(options_.topic_replicas, alive);
  topic.configs.push_back({.name = "cleanup.policy", .value = "compact"});
  topic.configs.push_back({.name = "compression.type", .value = "producer"});
  topic.configs.push_back({.name = "segment.bytes", .value = fmt::format("{}", options_.topic_segment_bytes)});
  const auto created = co_await metadata_.create_topics(std::move(request));
  const Error error = !created ? created.error()
                      : created->topics.empty()
                          ? Error(ErrorCode::kNone)
                          : Error(created->topics[0].error_code, created->topics[0].error_message.value_or(""));
  if (error.code() == ErrorCode::kNone || error.code() == ErrorCode::kTopicAlreadyExists) co_return;
  environment_.log.warning("{} could not be created: {}", kOffsetsTopic, error.describe());
}

Task<void> GroupCoordinator::on_metadata(const metadata::MetadataDelta& delta, metadata::ImageRef image) {
  if (resigned_) co_return;
  const metadata::Topic* topic = image->topic(kOffsetsTopic);
  for (auto it = homes_.begin(); it != homes_.end();) {
    const metadata::Partition* partition = topic == nullptr ? nullptr : topic->partition(it->first);
    const bool stays = partition != nullptr && partition->leader == self_ && partition->leader_epoch == it->second->epoch;
    if (!stays) close(*it->second);
    it = stays ? std::next(it) : homes_.erase(it);
  }
  for (int32_t i = 0; topic != nullptr && i < topic->partition_count(); ++i) {
    const metadata::Partition* partition = topic->partition(PartitionIndex(i));
    if (partition == nullptr || partition->leader != self_ || homes_.contains(PartitionIndex(i))) continue;
    auto home = std::make_shared<Home>();
    home->partition = PartitionIndex(i);
    home->epoch = partition->leader_epoch;
    homes_.emplace(home->partition, home);
    tasks_.spawn(&GroupCoordinator::load, this, std::move(home));
  }
  for (const Uuid& id : delta.deleted_topics()) {
    const metadata::Topic* deleted = delta.before().topic(id);
    if (deleted != nullptr && deleted->name != kOffsetsTopic && image->topic(deleted->name) == nullptr) forget_topic(deleted->name);
  }
}

void GroupCoordinator::close(Home& home) {
  if (home.gone) return;
  home.gone = true;
  for (const auto& [id, entry] : home.groups) {
    carry_out(*entry, group::end(entry->state, ErrorCode::kNotCoordinator, now()));
    entry->disarm();
  }
  for (Write& write : home.writes) finish(home, write, ErrorCode::kNotCoordinator);
  home.writes.clear();
}

void GroupCoordinator::resign() {
  resigned_ = true;
  stop_.request_stop();
  for (const auto& [index, home] : homes_) close(*home);
}

Task<void> GroupCoordinator::stop() {
  WEIR_ASSERT(resigned_);
  (void)co_await tasks_.join();
  homes_.clear();
}

void GroupCoordinator::forget_topic(const std::string& topic) {
  for (const auto& [index, home] : homes_) {
    if (!home->loaded) continue;
    for (const auto& [id, entry] : home->groups) {
      if (!entry->offsets.topics().contains(topic) && !home->has_writes(id)) continue;
      Write write{.group = id};
      OffsetsBatch batch = new_batch();
      Result<void> queued;
      for (const OffsetPlace& place : home->places_of(*entry)) {
        if (place.topic != topic) continue;
        write.changes.push_back({place, std::nullopt});
        if (queued) queued = batch.add(id, write.changes.back());
      }
      if (batch.empty()) continue;
      if (queued) queued = append(*home, std::move(batch), std::move(write));
      if (!queued) environment_.log.warning("offsets of the deleted topic {} stay in group {}: {}", topic, id, queued.error().describe());
    }
  }
}

// Forgets every retention check interval what has expired, and groups that nothing is left of.
Task<void> GroupCoordinator::sweep(GroupCoordinator* self) {
  runtime::Executor& executor = self->environment_.executor;
  const Duration interval = storage::duration_of_ms(self->options_.retention_check_ms);
  while (co_await runtime::sleep_until(executor, executor.now() + interval, self->stop_.token())) {
    for (const auto& [index, home] : self->homes_) {
      if (!home->loaded || home->gone) continue;
      std::vector<std::string> bare;
      for (const auto& [id, entry] : home->groups) self->forget_expired(*home, *entry, bare);
      for (const std::string& id : bare) home->groups.erase(id);
    }
  }
}

// A group that was never recorded and has no positions is named in `bare`: it needs no record to go.
void GroupCoordinator::forget_expired(Home& home, GroupEntry& entry, std::vector<std::string>& bare) {
  const std::string& id = entry.state.id;
  if (home.has_writes(id)) return;  // a tombstone would follow a commit under way, and undo it
  const std::vector<OffsetPlace> due = expired(entry.state, entry.offsets, options_.retention_ms, environment_.clock.wall_ms());
  const bool goes = due.size() == entry.offsets.count() && entry.state.phase == group::Phase::kEmpty && entry.state.pending_members.empty();
  if (goes && due.empty() && !entry.state.protocol_type) return bare.push_back(id);
  if (due.empty() && !goes) return;
  Write write{.group = id, .deletes_group = goes, .counter = &metrics_.offset_expirations};
  OffsetsBatch batch = new_batch();
  Result<void> queued;
  for (const OffsetPlace& place : due) {
    write.changes.push_back({place, std::nullopt});
    if (queued) queued = batch.add(id, write.changes.back());
  }
  if (goes && queued) queued = batch.add(id, static_cast<const protocol::GroupMetadataValue*>(nullptr));
  if (queued) queued = append(home, std::move(batch), std::move(write));
  if (!queued) {
    environment_.log.warning("expired offsets of group {} stay: {}", id, queued.error().describe());
  } else if (goes) {
    (void)group::end(entry.state, ErrorCode::kCoordinatorNotAvailable, now());
  }
}

}  // namespace weir::coordinator
