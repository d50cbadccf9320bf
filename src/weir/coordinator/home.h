// The groups of one partition of __consumer_offsets that this broker leads, in one epoch of its leadership.
//
// Owner    GroupCoordinator; tasks that load share it, and see `gone` when leadership ended meanwhile.
// Shard    the broker shard.
// Holds    - what is in `groups` is committed; what is not yet is in `writer`
//          - once gone it stays gone: nobody waits in it, no timer is armed
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "weir/base/metrics.h"
#include "weir/coordinator/group/machine.h"
#include "weir/coordinator/offsets.h"
#include "weir/coordinator/partition_writer.h"
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
struct GroupWrite {
  std::string group;
  std::vector<OffsetChange> changes;
  uint64_t group_write = 0;       // to be told to the group's machine; 0: nothing to tell
  bool deletes_group = false;
  Counter* counter = nullptr;     // of such changes
  std::shared_ptr<WriteOutcome> outcome;
};

struct Home final : PartitionWriter<GroupWrite>::Listener {
  Home(GroupCoordinator& coordinator, WriterPlace place)
      : owner(coordinator),
        partition(place.partition.partition),
        epoch(place.epoch),
        writer(std::make_shared<PartitionWriter<GroupWrite>>(std::move(place), *this)) {}
  void on_committed(GroupWrite& write) override;
  void on_given_up(GroupWrite& write) override;
  void on_lost() override;

  // The groups that have writes under way.
  std::set<std::string, std::less<>> busy_groups() const;
  // Where `group` has positions, those that are not committed yet among them: what a tombstone now must cover. With `only`
  // those of that topic.
  std::set<OffsetPlace> places_of(const GroupEntry& group, const DeletedTopic* only = nullptr) const;

  GroupCoordinator& owner;
  const PartitionIndex partition;
  const LeaderEpoch epoch;
  bool loaded = false;
  bool gone = false;
  std::map<std::string, std::unique_ptr<GroupEntry>, std::less<>> groups;
  std::vector<DeletedTopic> deleted_meanwhile;  // while it was loaded; their positions go when it is
  const std::shared_ptr<PartitionWriter<GroupWrite>> writer;
};

}  // namespace weir::coordinator
