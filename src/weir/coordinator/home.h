// The groups of one partition of __consumer_offsets that this broker leads, in one epoch of its leadership.
//
// Owner    GroupCoordinator; tasks that load and write share it, and see `gone` when leadership ended meanwhile.
// Shard    the broker shard.
// Holds    - writes are in the order of their offsets, and are applied in that order
//          - once gone it stays gone: nobody waits in it, no timer is armed
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "weir/base/metrics.h"
#include "weir/coordinator/group/machine.h"
#include "weir/coordinator/offsets.h"
#include "weir/runtime/event.h"

namespace weir::coordinator {

class GroupCoordinator;
struct Home;

struct GroupEntry final : runtime::Timer {
  GroupEntry(GroupCoordinator& coordinator, Home& home) : owner(coordinator), home(home) {}
  void on_fire() override;

  GroupCoordinator& owner;
  Home& home;
  group::GroupState state;
  Offsets offsets;
  MonoTime armed_for = kFarFuture;
};

// How a write ended, for the request that waits for it.
struct WriteOutcome {
  runtime::Event done;
  Result<void> result;
};

// A batch that was appended, and what becomes true when it is committed.
struct Write {
  Offset last_offset;
  MonoTime give_up = kFarFuture;  // the answer is COORDINATOR_NOT_AVAILABLE then; the write itself may still come true
  std::string group;
  std::vector<OffsetChange> changes;
  uint64_t group_write = 0;       // to be told to the group's machine
  bool deletes_group = false;
  Counter* counter = nullptr;     // of such changes
  std::shared_ptr<WriteOutcome> outcome;
};

struct Home {
  PartitionIndex partition;
  LeaderEpoch epoch;
  bool loaded = false;
  bool gone = false;
  bool applying = false;  // a task is waiting for the front of `writes`
  std::map<std::string, std::unique_ptr<GroupEntry>, std::less<>> groups;
  std::deque<Write> writes;

  bool has_writes(std::string_view group) const;
  // Where `group` has positions, those that are not committed yet among them: what a tombstone now must cover.
  std::set<OffsetPlace> places_of(const GroupEntry& group) const;
};

}  // namespace weir::coordinator
