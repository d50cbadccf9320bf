// How partitions of __consumer_offsets come and go: made on demand, swept of what has expired, given up.
#include "weir/coordinator/group_coordinator.h"
#include "weir/coordinator/partition_of.h"
#include "weir/protocol/create_topics.h"
#include "weir/storage/log_options.h"

namespace weir::coordinator {
namespace {

constexpr Duration kRetryPause = std::chrono::seconds(10);

}  // namespace

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
  if (partition->leader == self_) take_up(partition_of(group, topic->partition_count()), partition->leader_epoch);
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
    if (partition != nullptr && partition->leader == self_) take_up(PartitionIndex(i), partition->leader_epoch);
  }
  for (const Uuid& id : delta.deleted_topics()) {
    const metadata::Topic* deleted = delta.before().topic(id);
    WEIR_ASSERT(deleted != nullptr);
    if (deleted->name == kOffsetsTopic) continue;
    for (const auto& [index, home] : homes_) {
      const DeletedTopic topic{deleted->name, id};
      if (home->loaded) forget_topic(*home, topic);
      else home->deleted_meanwhile.push_back(topic);
    }
  }
}

// Begins to coordinate the groups of a partition, where that is not so already and has not failed just now.
void GroupCoordinator::take_up(PartitionIndex index, LeaderEpoch epoch) {
  if (resigned_ || homes_.contains(index)) return;
  const auto failed = failures_.find(index);
  if (failed != failures_.end()) {
    if (failed->second.epoch == epoch && failed->second.retry_at > environment_.executor.now()) return;
    failures_.erase(failed);
  }
  WriterPlace place{.environment = environment_,
                    .partitions = partitions_,
                    .tasks = tasks_,
                    .partition = {std::string(kOffsetsTopic), index},
                    .epoch = epoch,
                    .commit_timeout = std::chrono::milliseconds(options_.commit_timeout_ms),
                    .planted_commit_at_once = options_.planted.answer_before_commit};
  const auto home = std::make_shared<Home>(*this, std::move(place));
  homes_.emplace(index, home);
  tasks_.spawn(&GroupCoordinator::load, this, home);
}

// What could not be loaded, or written, is taken up again when a client asks for the coordinator, but not at once.
void GroupCoordinator::give_up_home(PartitionIndex index) {
  const auto found = homes_.find(index);
  WEIR_ASSERT(found != homes_.end(), index);
  const std::shared_ptr<Home> home = found->second;
  homes_.erase(found);
  failures_.insert_or_assign(index, Failure{home->epoch, environment_.executor.now() + kRetryPause});
  close(*home);
}

void GroupCoordinator::close(Home& home) {
  if (home.gone) return;
  home.gone = true;
  for (const auto& [id, entry] : home.groups) {
    carry_out(*entry, group::end(entry->state, ErrorCode::kNotCoordinator, now()));
    entry->disarm();
  }
  for (GroupWrite& write : home.writer->close()) finish(home, write, ErrorCode::kNotCoordinator);
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

void GroupCoordinator::forget_topic(Home& home, const DeletedTopic& topic) {
  const auto busy = home.busy_groups();
  for (const auto& [id, entry] : home.groups) {
    if (!entry->offsets.topics().contains(topic.name) && !busy.contains(id)) continue;
    GroupWrite write{.group = id};
    OffsetsBatch batch = new_batch();
    Result<void> queued;
    for (const OffsetPlace& place : home.places_of(*entry, &topic)) {
      write.changes.push_back({place, std::nullopt});
      if (queued) queued = batch.add(id, write.changes.back());
    }
    if (batch.empty()) continue;
    if (queued) queued = append(home, std::move(batch), std::move(write));
    if (queued) continue;
    environment_.log.warning("offsets of the deleted topic {} stay in group {}: {}", topic.name, id, queued.error().describe());
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
      const auto busy = home->busy_groups();
      for (const auto& [id, entry] : home->groups) {
        // A tombstone would follow a commit under way, and undo it.
        if (!busy.contains(id)) self->forget_expired(*home, *entry, bare);
      }
      for (const std::string& id : bare) home->groups.erase(id);
    }
  }
}

// A group that was never recorded and has no positions is named in `bare`: it needs no record to go.
void GroupCoordinator::forget_expired(Home& home, GroupEntry& entry, std::vector<std::string>& bare) {
  const std::string& id = entry.state.id;
  const std::vector<OffsetPlace> due = expired(entry.state, entry.offsets, options_.retention_ms, environment_.clock.wall_ms());
  const bool goes = due.size() == entry.offsets.count() && entry.state.phase == group::Phase::kEmpty && entry.state.pending_members.empty();
  if (goes && due.empty() && !entry.state.protocol_type) return bare.push_back(id);
  if (due.empty() && !goes) return;
  GroupWrite write{.group = id, .deletes_group = goes, .counter = &metrics_.offset_expirations};
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
