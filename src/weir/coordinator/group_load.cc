// How a partition of __consumer_offsets is loaded when this broker begins to lead it.
#include "weir/coordinator/group_coordinator.h"
#include "weir/record/control.h"

namespace weir::coordinator {
namespace {

constexpr size_t kDecompressedBytesMax = 256 << 20;  // of one batch
constexpr Duration kLoadPatience = std::chrono::seconds(30);
constexpr size_t kRecordsPerTurn = 500;  // then others have their turn: about a millisecond

}  // namespace

// What records say, in the order of the log; the later one wins.
class GroupCoordinator::Replay {
 public:
  Replay(GroupCoordinator& owner, Home& home) : owner_(owner), home_(home) {}

  void take(const record::BatchView& batch, const record::Record& one) {
    if (batch.is_control()) return end_transaction(batch.producer_id(), one);
    Result<LoggedRecord> read = read_record(one);
    if (!read) {
      owner_.environment_.log.error("{}-{}: {}", kOffsetsTopic, home_.partition, read.error().describe());
    } else if (auto* offset = std::get_if<OffsetRecord>(&*read)) {
      if (batch.is_transactional()) undecided_[batch.producer_id()].push_back(std::move(*offset));
      else apply(*offset);
    } else if (auto* group = std::get_if<GroupRecord>(&*read)) {
      entry_of(group->group).state =
          group->value ? group::from_record(group->group, *group->value, owner_.now()) : group::GroupState{.id = group->group};
    } else {
      ++unknown_;
    }
  }
  void end() const {
    if (unknown_ == 0) return;
    owner_.environment_.log.warning("{}-{}: {} records of unknown types passed over", kOffsetsTopic, home_.partition, unknown_);
  }

 private:
  void end_transaction(ProducerId producer, const record::Record& marker) {
    const auto type = marker.key ? record::parse_control_key(*marker.key) : record::ControlType::kUnknown;
    if (!type || (*type != record::ControlType::kCommit && *type != record::ControlType::kAbort)) return;
    const auto found = undecided_.find(producer);
    if (found == undecided_.end()) return;
    if (*type == record::ControlType::kCommit) {
      for (const OffsetRecord& read : found->second) apply(read);
    }
    undecided_.erase(found);
  }
  void apply(const OffsetRecord& read) {
    Offsets& offsets = entry_of(read.group).offsets;
    const PlantedBugs& planted = owner_.options_.planted;
    if (planted.reload_keeps_first && offsets.find(read.change.place.topic, read.change.place.partition)) return;
    offsets.apply(read.change);
  }
  // Records of one group mostly follow one another.
  GroupEntry& entry_of(const std::string& group) {
    if (last_ == nullptr || last_->state.id != group) last_ = &owner_.entry(home_, group);
    return *last_;
  }

  GroupCoordinator& owner_;
  Home& home_;
  std::map<ProducerId, std::vector<OffsetRecord>> undecided_;  // positions of transactions whose marker has not come
  GroupEntry* last_ = nullptr;
  size_t unknown_ = 0;
};

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
  Replay replay(*this, *home);
  Bytes scratch;
  size_t taken = 0;
  while (at < end && !home->gone) {
    const Deadline patience = Deadline::at(environment_.executor.now() + kLoadPatience);
    WEIR_CO_CHECK(co_await partition->committed(end.prev(), home->epoch, patience));
    const auto bytes_max = static_cast<size_t>(options_.load_bytes);
    WEIR_CO_TRY(const auto fetched, co_await partition->fetch(at, replication::Isolation::kReadUncommitted, bytes_max, true));
    if (fetched.bytes == 0) break;
    for (const SharedBytes& slice : fetched.slices) {
      for (ByteView rest = slice.view(); !rest.empty();) {
        WEIR_CO_TRY(const record::BatchView batch, record::BatchView::parse(rest));
        rest = rest.subspan(batch.size_bytes());
        at = batch.next_offset();
        WEIR_CO_TRY(record::Records records, record::Records::open(batch, codecs_, kDecompressedBytesMax, scratch));
        for (;;) {
          if (home->gone) co_return Result<void>();
          WEIR_CO_TRY(const auto next, records.next());
          if (!next) break;
          replay.take(batch, *next);
          if (++taken % kRecordsPerTurn != 0) continue;
          // An instant later is the next turn of the loop, and what has come meanwhile is served first.
          const Result<void> slept = co_await runtime::sleep_until(environment_.executor, environment_.executor.now() + Duration(1));
          WEIR_ASSERT(slept.has_value());
        }
      }
    }
  }
  replay.end();
  co_return Result<void>();
}

}  // namespace weir::coordinator
