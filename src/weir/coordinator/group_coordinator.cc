// Requests: each finds its group, steps the machine and waits. What happens to the records is in group_writes.cc, how a
// partition comes and goes in group_homes.cc.
#include "weir/coordinator/group_coordinator.h"

#include "weir/coordinator/partition_of.h"

namespace weir::coordinator {

using group::Identity;
using group::JoinReply;
using group::Phase;
using group::SyncReply;

void GroupEntry::on_fire() { owner.tick(*this); }

GroupCoordinator::GroupCoordinator(runtime::Environment& environment, metadata::MetadataService& metadata,
                                   replication::PartitionManager& partitions, codec::Codecs& codecs, MetricRegistry& metrics,
                                   BrokerId self, Options options)
    : environment_(environment),
      metadata_(metadata),
      partitions_(partitions),
      codecs_(codecs),
      metrics_(metrics),
      self_(self),
      options_(std::move(options)),
      tasks_(environment.executor) {
  add_gauges(metrics);
}

GroupCoordinator::~GroupCoordinator() = default;

void GroupCoordinator::add_gauges(MetricRegistry& registry) {
  const auto gauge = [&](std::string_view name, std::string_view help, auto read) {
    registry.gauge(fmt::format("kafka_coordinator_group_groupmetadatamanager_{}", name), help, {}, [this, read] {
      double sum = 0;
      (void)for_each([&](const GroupEntry& entry) { sum += static_cast<double>(read(entry)); });
      return sum;
    });
  };
  const auto count_in = [](Phase phase) { return [phase](const GroupEntry& entry) { return entry.state.phase == phase ? 1 : 0; }; };
  gauge("numgroups", "Classic groups.", [](const GroupEntry&) { return 1; });
  gauge("numoffsets", "Committed positions.", [](const GroupEntry& entry) { return entry.offsets.count(); });
  gauge("numgroupspreparingrebalance", "Groups that wait for their members to join.", count_in(Phase::kPreparingRebalance));
  gauge("numgroupscompletingrebalance", "Groups that wait for their leader's assignment.", count_in(Phase::kCompletingRebalance));
  gauge("numgroupsstable", "Groups with an assignment.", count_in(Phase::kStable));
  gauge("numgroupsempty", "Groups without members.", count_in(Phase::kEmpty));
  gauge("numgroupsdead", "Groups that are being deleted.", count_in(Phase::kDead));
}

void GroupCoordinator::start() { tasks_.spawn(&GroupCoordinator::sweep, this); }

group::Now GroupCoordinator::now() const { return {environment_.executor.now(), environment_.clock.wall_ms()}; }

Result<Home*> GroupCoordinator::home_of(std::string_view group) const {
  if (resigned_) return fail(ErrorCode::kNotCoordinator);
  const metadata::Topic* topic = metadata_.image()->topic(kOffsetsTopic);
  if (topic == nullptr || topic->partition_count() == 0) return fail(ErrorCode::kNotCoordinator);
  const auto found = homes_.find(partition_of(group, topic->partition_count()));
  if (found == homes_.end()) return fail(ErrorCode::kNotCoordinator);
  if (!found->second->loaded) return fail(ErrorCode::kCoordinatorLoadInProgress);
  return found->second.get();
}

GroupEntry* GroupCoordinator::existing(Home& home, std::string_view group) const {
  const auto found = home.groups.find(group);
  return found == home.groups.end() ? nullptr : found->second.get();
}

GroupEntry& GroupCoordinator::entry(Home& home, const std::string& group) {
  std::unique_ptr<GroupEntry>& slot = home.groups[group];
  if (slot == nullptr) {
    slot = std::make_unique<GroupEntry>(*this, home);
    slot->state.id = group;
    slot->state.phase_since_ms = environment_.clock.wall_ms();
  }
  return *slot;
}

Result<const GroupEntry*> GroupCoordinator::find(std::string_view group) const {
  WEIR_TRY(Home* const home, home_of(group));
  const GroupEntry* found = existing(*home, group);
  return found != nullptr && found->state.phase == Phase::kDead ? nullptr : found;
}

void GroupCoordinator::tick(GroupEntry& entry) {
  entry.armed_for = kFarFuture;
  carry_out(entry, group::tick(entry.state, options_.rules, now()));
}

void GroupCoordinator::arm(GroupEntry& entry) {
  if (entry.state.wake_at >= entry.armed_for) return;  // one that fires too early finds nothing and arms the next
  entry.armed_for = entry.state.wake_at;
  environment_.executor.arm(entry, entry.armed_for);
}

void GroupCoordinator::carry_out(GroupEntry& entry, group::Actions actions) {
  for (group::Reply& reply : actions.replies) {
    const auto slot = waiting_.find(reply.token);
    if (slot == waiting_.end()) continue;  // its client has gone
    slot->second->answer = std::move(reply.answer);
    slot->second->ready.set();
  }
  arm(entry);
  for (group::Append& append_group : actions.appends) {
    OffsetsBatch batch = new_batch();
    Result<void> queued = batch.add(entry.state.id, &append_group.value);
    if (queued) queued = append(entry.home, std::move(batch), {.group = entry.state.id, .group_write = append_group.id});
    if (queued) continue;
    environment_.log.warning("group {} could not be recorded: {}", entry.state.id, queued.error().describe());
    if (append_group.id != 0) carry_out(entry, group::appended(entry.state, options_.rules, append_group.id, queued.error().code(), now()));
  }
}

// A request that waits for the machine; leaves when its frame ends.
template <typename Answer>
struct GroupCoordinator::Waiting {
  explicit Waiting(GroupCoordinator& coordinator) : owner(coordinator), token(++coordinator.last_token_) {
    owner.waiting_.emplace(token, &slot);
  }
  ~Waiting() { owner.waiting_.erase(token); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  // Without an answer when the client has gone.
  Task<Answer> answer(runtime::StopToken stop) {
    const Result<void> ready = co_await slot.ready.wait(owner.environment_.executor, Deadline::never(), stop);
    if (!ready) co_return Answer{.error = ErrorCode::kRequestTimedOut};
    co_return std::move(std::get<Answer>(slot.answer));
  }

  GroupCoordinator& owner;
  group::Token token;
  Slot slot;
};

Task<JoinReply> GroupCoordinator::join(std::string group, group::Join event, runtime::StopToken stop) {
  const auto refused = [&](ErrorCode error) { return JoinReply{.error = error, .member_id = event.member_id}; };
  if (group.empty()) co_return refused(ErrorCode::kInvalidGroupId);
  if (event.session_timeout_ms < options_.session_min_ms || event.session_timeout_ms > options_.session_max_ms) {
    co_return refused(ErrorCode::kInvalidSessionTimeout);
  }
  const Result<Home*> home = home_of(group);
  if (!home) co_return refused(home.error().code());
  GroupEntry* found = existing(**home, group);
  if (found == nullptr && !event.member_id.empty()) co_return refused(ErrorCode::kUnknownMemberId);
  if (found == nullptr) found = &entry(**home, group);
  Waiting<JoinReply> waiting(*this);
  event.token = waiting.token;
  const uint64_t high = environment_.random.word();
  const uint64_t low = environment_.random.word();
  event.fresh_id = fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", event.instance_id ? *event.instance_id : event.client_id,
                               high >> 32, (high >> 16) & 0xffff, (high & 0x0fff) | 0x4000, ((low >> 48) & 0x3fff) | 0x8000,
                               low & 0xffff'ffff'ffff);
  carry_out(*found, group::join(found->state, options_.rules, event, now()));
  co_return co_await waiting.answer(stop);
}

Task<SyncReply> GroupCoordinator::sync(std::string group, group::Sync event, runtime::StopToken stop) {
  if (group.empty()) co_return SyncReply{.error = ErrorCode::kInvalidGroupId};
  const Result<Home*> home = home_of(group);
  if (!home) {
    // Not every client expects to hear that the group is loading here: it joins again.
    const bool is_loading = home.error().code() == ErrorCode::kCoordinatorLoadInProgress;
    co_return SyncReply{.error = is_loading ? ErrorCode::kRebalanceInProgress : home.error().code()};
  }
  GroupEntry* found = existing(**home, group);
  if (found == nullptr) co_return SyncReply{.error = ErrorCode::kUnknownMemberId};
  Waiting<SyncReply> waiting(*this);
  event.token = waiting.token;
  carry_out(*found, group::sync(found->state, options_.rules, event, now()));
  co_return co_await waiting.answer(stop);
}

ErrorCode GroupCoordinator::heartbeat(std::string_view group, const Identity& who, int32_t generation) {
  if (group.empty()) return ErrorCode::kInvalidGroupId;
  const Result<Home*> home = home_of(group);
  if (!home) {
    const ErrorCode code = home.error().code();
    // The member would join again for nothing: its session begins anew once the group is loaded.
    return code == ErrorCode::kCoordinatorLoadInProgress ? ErrorCode::kNone : code;
  }
  GroupEntry* found = existing(**home, group);
  if (found == nullptr) return ErrorCode::kUnknownMemberId;
  const ErrorCode code = group::heartbeat(found->state, who, generation, now());
  arm(*found);
  return code;
}

Result<std::vector<ErrorCode>> GroupCoordinator::leave(std::string_view group, const std::vector<Identity>& members) {
  if (group.empty()) return fail(ErrorCode::kInvalidGroupId);
  WEIR_TRY(Home* const home, home_of(group));
  GroupEntry* found = existing(*home, group);
  if (found == nullptr) return std::vector<ErrorCode>(members.size(), ErrorCode::kUnknownMemberId);
  if (found->state.phase == Phase::kDead) return fail(ErrorCode::kCoordinatorNotAvailable);
  std::vector<ErrorCode> codes;
  for (const Identity& who : members) {
    group::Actions actions;
    codes.push_back(group::leave(found->state, options_.rules, who, now(), actions));
    carry_out(*found, std::move(actions));
  }
  return codes;
}

Task<Result<void>> GroupCoordinator::commit(Commit commit) {
  WEIR_CO_TRY(Home* const home, home_of(commit.group));
  GroupEntry* found = existing(*home, commit.group);
  if (found == nullptr) {
    if (commit.generation >= 0) co_return fail(ErrorCode::kGroupIdNotFound);
    if (commit.changes.empty()) co_return Result<void>();  // nothing to keep makes no group
    found = &entry(*home, commit.group);
  }
  const ErrorCode refused = group::check_commit(found->state, commit.who, commit.generation, now());
  if (refused != ErrorCode::kNone && !options_.planted.stale_commits) co_return fail(refused);
  arm(*found);
  if (commit.changes.empty()) co_return Result<void>();
  OffsetsBatch batch = new_batch();
  for (const OffsetChange& change : commit.changes) WEIR_CO_CHECK(batch.add(commit.group, change));
  const auto outcome = std::make_shared<WriteOutcome>();
  WEIR_CO_CHECK(append(*home, std::move(batch), {.group = commit.group,
                                                     .changes = std::move(commit.changes),
                                                     .counter = &metrics_.offset_commits,
                                                     .outcome = outcome}));
  co_return co_await await(outcome);
}

Task<Result<void>> GroupCoordinator::delete_group(std::string group) {
  WEIR_CO_TRY(Home* const home, home_of(group));
  GroupEntry* found = existing(*home, group);
  if (found == nullptr || found->state.phase == Phase::kDead) co_return fail(ErrorCode::kGroupIdNotFound);
  if (found->state.phase != Phase::kEmpty) co_return fail(ErrorCode::kNonEmptyGroup);
  GroupWrite write{.group = group, .deletes_group = true, .outcome = std::make_shared<WriteOutcome>()};
  OffsetsBatch batch = new_batch();
  for (const OffsetPlace& place : home->places_of(*found)) write.changes.push_back({place, std::nullopt});
  for (const OffsetChange& change : write.changes) WEIR_CO_CHECK(batch.add(group, change));
  WEIR_CO_CHECK(batch.add(group, static_cast<const protocol::GroupMetadataValue*>(nullptr)));
  const auto outcome = write.outcome;
  WEIR_CO_CHECK(append(*home, std::move(batch), std::move(write)));
  carry_out(*found, group::end(found->state, ErrorCode::kCoordinatorNotAvailable, now()));
  co_return co_await await(outcome);
}

Task<Result<std::vector<ErrorCode>>> GroupCoordinator::delete_offsets(std::string group, std::vector<OffsetPlace> places) {
  if (group.empty()) co_return fail(ErrorCode::kInvalidGroupId);
  WEIR_CO_TRY(Home* const home, home_of(group));
  GroupEntry* found = existing(*home, group);
  if (found == nullptr || found->state.phase == Phase::kDead) co_return fail(ErrorCode::kGroupIdNotFound);
  std::optional<std::set<std::string, std::less<>>> read = std::set<std::string, std::less<>>();
  if (found->state.phase != Phase::kEmpty) {
    if (!found->state.uses_consumer_protocol()) co_return fail(ErrorCode::kNonEmptyGroup);
    read = subscribed_topics(found->state);
  }
  GroupWrite write{.group = group, .counter = &metrics_.offset_deletions, .outcome = std::make_shared<WriteOutcome>()};
  OffsetsBatch batch = new_batch();
  const std::set<OffsetPlace> known = home->places_of(*found);
  std::vector<ErrorCode> codes;
  for (const OffsetPlace& place : places) {
    const bool is_read = !read || read->contains(place.topic);
    codes.push_back(is_read ? ErrorCode::kGroupSubscribedToTopic : ErrorCode::kNone);
    if (is_read || !known.contains(place)) continue;
    write.changes.push_back({place, std::nullopt});
    WEIR_CO_CHECK(batch.add(group, write.changes.back()));
  }
  if (batch.empty()) co_return codes;
  const auto outcome = write.outcome;
  WEIR_CO_CHECK(append(*home, std::move(batch), std::move(write)));
  WEIR_CO_CHECK(co_await await(outcome));
  co_return codes;
}

}  // namespace weir::coordinator
