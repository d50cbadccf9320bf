// What is appended, and what becomes true when it is committed.
#include <algorithm>

#include "weir/coordinator/group_coordinator.h"

namespace weir::coordinator {
namespace {

constexpr Duration kOutcomeGrace = std::chrono::seconds(1);  // a write is given up before; this only bounds the wait

// What a client may hear of a failed append: it looks for the coordinator again, or tries again.
ErrorCode for_client(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kNotEnoughReplicas:
    case ErrorCode::kRequestTimedOut: return ErrorCode::kCoordinatorNotAvailable;
    case ErrorCode::kNotLeaderOrFollower:
    case ErrorCode::kFencedLeaderEpoch:
    case ErrorCode::kKafkaStorageError: return ErrorCode::kNotCoordinator;
    case ErrorCode::kRecordListTooLarge:
    case ErrorCode::kMessageTooLarge: return ErrorCode::kUnknownServerError;
    default: return code;
  }
}

}  // namespace

bool Home::has_writes(std::string_view group) const {
  return std::ranges::any_of(writes, [&](const Write& write) { return write.group == group; });
}

std::set<OffsetPlace> Home::places_of(const GroupEntry& group) const {
  std::set<OffsetPlace> places;
  for (const auto& [topic, partitions] : group.offsets.topics()) {
    for (const auto& [partition, committed] : partitions) places.insert({topic, partition});
  }
  for (const Write& write : writes) {
    if (write.group != group.state.id) continue;
    for (const OffsetChange& change : write.changes) {
      if (change.value) places.insert(change.place);
    }
  }
  return places;
}

Result<void> GroupCoordinator::append(Home& home, OffsetsBatch batch, Write write) {
  WEIR_ASSERT(home.loaded && !batch.empty());
  if (home.gone) return fail(ErrorCode::kNotCoordinator);
  const replication::PartitionRef partition = partitions_.find(kOffsetsTopic, home.partition);
  if (!partition || partition->leader_epoch() != home.epoch) return fail(ErrorCode::kNotCoordinator);
  WEIR_TRY(SharedBytes bytes, std::move(batch).build(codecs_));
  const storage::AppendInfo info{.now = environment_.clock.wall_ms(), .origin = storage::AppendOrigin::kCoordinator};
  const Result<storage::AppendResult> appended = partition->append(std::move(bytes), info, -1);
  if (!appended) return fail(for_client(appended.error().code()), appended.error().message());
  write.last_offset = appended->last_offset;
  write.give_up = environment_.executor.now() + std::chrono::milliseconds(options_.commit_timeout_ms);
  home.writes.push_back(std::move(write));
  if (options_.planted.answer_before_commit) {
    Write early = std::move(home.writes.back());
    home.writes.pop_back();
    apply(home, early);
    return {};
  }
  if (home.applying) return {};
  home.applying = true;
  tasks_.spawn(&GroupCoordinator::apply_writes, this, homes_.at(home.partition));
  return {};
}

// Ends when there is nothing left to wait for.
Task<void> GroupCoordinator::apply_writes(GroupCoordinator* self, std::shared_ptr<Home> home) {
  while (!home->gone && !home->writes.empty()) {
    const Offset last = home->writes.front().last_offset;
    const Deadline deadline = Deadline::at(home->writes.front().give_up);
    const replication::PartitionRef partition = self->partitions_.find(kOffsetsTopic, home->partition);
    Result<void> committed = fail(ErrorCode::kNotLeaderOrFollower);
    if (partition && partition->leader_epoch() == home->epoch) committed = co_await partition->committed(last, home->epoch, deadline);
    if (home->gone) co_return;
    if (committed) {
      Write write = std::move(home->writes.front());
      home->writes.pop_front();
      self->apply(*home, write);
    } else if (committed.error().code() == ErrorCode::kRequestTimedOut) {
      // Nobody waits any longer, but it may still be committed, and counts then.
      Write& write = home->writes.front();
      self->finish(*home, write, ErrorCode::kCoordinatorNotAvailable);
      write.give_up = self->environment_.executor.now() + std::chrono::milliseconds(self->options_.commit_timeout_ms);
    } else {
      self->close(*home);
      self->homes_.erase(home->partition);
      co_return;
    }
  }
  home->applying = false;
}

void GroupCoordinator::finish(Home& home, Write& write, ErrorCode error) {
  if (write.outcome != nullptr) {
    if (error != ErrorCode::kNone) write.outcome->result = fail(error);
    write.outcome->done.set();
    write.outcome.reset();
  }
  const uint64_t group_write = std::exchange(write.group_write, 0);
  if (group_write == 0) return;
  GroupEntry* found = existing(home, write.group);
  if (found == nullptr) return;
  const bool was_stable = found->state.phase == group::Phase::kStable;
  carry_out(*found, group::appended(found->state, options_.rules, group_write, error, now()));
  if (!was_stable && found->state.phase == group::Phase::kStable) metrics_.completed_rebalances.add();
}

void GroupCoordinator::apply(Home& home, Write& write) {
  if (write.counter != nullptr) write.counter->add(write.changes.size());
  if (write.deletes_group) {
    home.groups.erase(write.group);
  } else if (!write.changes.empty()) {
    Offsets& offsets = entry(home, write.group).offsets;
    for (const OffsetChange& change : write.changes) offsets.apply(change);
  }
  finish(home, write, ErrorCode::kNone);
}

Task<Result<void>> GroupCoordinator::await(std::shared_ptr<WriteOutcome> outcome) {
  const MonoTime latest = environment_.executor.now() + std::chrono::milliseconds(options_.commit_timeout_ms) + kOutcomeGrace;
  const Result<void> done = co_await outcome->done.wait(environment_.executor, Deadline::at(latest));
  if (!done) co_return fail(ErrorCode::kCoordinatorNotAvailable);
  co_return outcome->result;
}

}  // namespace weir::coordinator
