// What is appended for groups, and what becomes true when it is committed.
#include "weir/coordinator/group_coordinator.h"

namespace weir::coordinator {
namespace {

constexpr Duration kOutcomeGrace = std::chrono::seconds(1);  // a write is given up before; this only bounds the wait

}  // namespace

void Home::on_committed(GroupWrite& write) { owner.apply(*this, write); }
void Home::on_given_up(GroupWrite& write) { owner.finish(*this, write, ErrorCode::kCoordinatorNotAvailable); }
void Home::on_lost() { owner.give_up_home(partition); }

std::set<std::string, std::less<>> Home::busy_groups() const {
  std::set<std::string, std::less<>> busy;
  writer->for_each([&](const GroupWrite& write) { busy.insert(write.group); });
  return busy;
}

std::set<OffsetPlace> Home::places_of(const GroupEntry& group, const DeletedTopic* only) const {
  std::set<OffsetPlace> places;
  const auto see = [&](OffsetPlace place, const CommittedOffset& position) {
    const bool counts = only == nullptr || (place.topic == only->name && position.fits(only->id));
    // The later one at a place decides: a position of a new topic of the same name must not go with the old one's.
    if (counts) places.insert(std::move(place));
    else places.erase(place);
  };
  for (const auto& [topic, partitions] : group.offsets.topics()) {
    for (const auto& [partition, committed] : partitions) see({topic, partition}, committed);
  }
  writer->for_each([&](const GroupWrite& write) {
    if (write.group != group.state.id) return;
    for (const OffsetChange& change : write.changes) {
      if (change.value) see(change.place, *change.value);
    }
  });
  return places;
}

Result<void> GroupCoordinator::append(Home& home, OffsetsBatch batch, GroupWrite write) {
  WEIR_ASSERT(home.loaded && !batch.empty());
  WEIR_TRY(SharedBytes bytes, std::move(batch).build(codecs_));
  return home.writer->append(std::move(bytes), std::move(write));
}

void GroupCoordinator::finish(Home& home, GroupWrite& write, ErrorCode error) {
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

void GroupCoordinator::apply(Home& home, GroupWrite& write) {
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
