// How partitions of __consumer_offsets come and go: made on demand, loaded, swept of what has expired, given up.
#include "weir/coordinator/group_coordinator.h"
#include "weir/coordinator/partition_of.h"
#include "weir/protocol/create_topics.h"
#include "weir/record/control.h"

namespace weir::coordinator {
namespace {

constexpr size_t kDecompressedBytesMax = 256 << 20;  // of one batch
constexpr Duration kLoadPatience = std::chrono::seconds(30);

// Positions committed in transactions, until their markers say whether they count.
using Undecided = std::map<ProducerId, std::vector<OffsetRecord>>;

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

Task<void> GroupCoordinator::load(GroupCoordinator* self, std::shared_ptr<Home> home) {
  const MonoTime began = self->environment_.executor.now();
  const Result<void> replayed = co_await self->replay(home);
  if (home->gone) co_return;
  if (!replayed) {
    // Without a home the groups are answered with NOT_COORDINATOR until leadership changes, as Kafka does.
    self->environment_.log.error("{}-{} could not be loaded: {}", kOffsetsTopic, home->partition, replayed.error().describe());
    self->close(*home);
    self->homes_.erase(home->partition);
    co_return;
  }
  std::erase_if(home->groups, [](const auto& row) { return !row.second->state.protocol_type && row.second->offsets.empty(); });
  home->loaded = true;
  for (const auto& [id, entry] : home->groups) self->arm(*entry);
  const auto took_ms = (self->environment_.executor.now() - began).count() / 1'000'000;
  self->metrics_.load_ms.record(took_ms);
  if (home->groups.empty()) co_return;
  self->environment_.log.info("loaded {} groups of {}-{} in {} ms", home->groups.size(), kOffsetsTopic, home->partition, took_ms);
}

Task<Result<void>> GroupCoordinator::replay(std::shared_ptr<Home> home) {
  const replication::PartitionRef partition = partitions_.find(kOffsetsTopic, home->partition);
  if (!partition) co_return fail(ErrorCode::kKafkaStorageError, "its log is not here");
  Offset at = partition->log_start_offset();
  const Offset end = partition->log_end_offset();
  Undecided undecided;
  Bytes scratch;
  size_t unknown = 0;
  const auto take = [&](const OffsetRecord& read) {
    Offsets& offsets = entry(*home, read.group).offsets;
    if (options_.planted.reload_keeps_first && offsets.find(read.change.place.topic, read.change.place.partition)) return;
    offsets.apply(read.change);
  };
  while (at < end && !home->gone) {
    WEIR_CO_CHECK(co_await partition->committed(end.prev(), Deadline::at(environment_.executor.now() + kLoadPatience)));
    const auto bytes_max = static_cast<size_t>(options_.load_bytes);
    WEIR_CO_TRY(const auto fetched, co_await partition->fetch(at, replication::Isolation::kReadUncommitted, bytes_max, true));
    if (home->gone || fetched.bytes == 0) break;
    for (const SharedBytes& slice : fetched.slices) {
      for (ByteView rest = slice.view(); !rest.empty();) {
        WEIR_CO_TRY(const record::BatchView batch, record::BatchView::parse(rest));
        rest = rest.subspan(batch.size_bytes());
        at = batch.next_offset();
        WEIR_CO_TRY(record::Records records, record::Records::open(batch, codecs_, kDecompressedBytesMax, scratch));
        for (;;) {
          WEIR_CO_TRY(const auto next, records.next());
          if (!next) break;
          if (batch.is_control()) {
            const auto type = next->key ? record::parse_control_key(*next->key) : record::ControlType::kUnknown;
            if (type && *type == record::ControlType::kCommit) std::ranges::for_each(undecided[batch.producer_id()], take);
            if (type && (*type == record::ControlType::kCommit || *type == record::ControlType::kAbort)) undecided.erase(batch.producer_id());
            continue;
          }
          Result<LoggedRecord> read = read_record(*next);
          if (!read) {
            environment_.log.error("{}-{}: {}", kOffsetsTopic, home->partition, read.error().describe());
          } else if (auto* offset = std::get_if<OffsetRecord>(&*read)) {
            if (batch.is_transactional()) undecided[batch.producer_id()].push_back(std::move(*offset));
            else take(*offset);
          } else if (auto* group = std::get_if<GroupRecord>(&*read)) {
            GroupEntry& found = entry(*home, group->group);
            found.state = group->value ? group::from_record(group->group, *group->value, now()) : group::GroupState{.id = group->group};
          } else {
            ++unknown;
          }
        }
      }
    }
  }
  if (unknown > 0) environment_.log.warning("{}-{}: {} records of unknown types passed over", kOffsetsTopic, home->partition, unknown);
  co_return Result<void>();
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
  const auto interval = std::chrono::milliseconds(self->options_.retention_check_ms);
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
