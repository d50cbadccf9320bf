// Coordinates the consumer groups whose partition of __consumer_offsets this broker leads.
//
// A request finds its group, steps the group's machine, and is answered at once or when the machine says so. What changes is
// appended to the partition as a record, and nothing that depends on it is answered before it is committed. After a restart
// the partition is replayed; COORDINATOR_LOAD_IN_PROGRESS meanwhile.
//
// Owner    node; subscribes to the metadata service after the PartitionManager.
// Shard    the broker shard.
// Format   docs/formats/consumer-offsets.md
// Errors   of all requests: kNotCoordinator (another broker leads, or this one is stopping), kCoordinatorLoadInProgress,
//          kCoordinatorNotAvailable (not committed in offsets.commit.timeout.ms).
#pragma once

#include <unordered_map>

#include "weir/base/internal_topics.h"
#include "weir/codec/compression.h"
#include "weir/coordinator/home.h"
#include "weir/coordinator/metrics.h"
#include "weir/coordinator/offsets_log.h"
#include "weir/coordinator/options.h"
#include "weir/metadata/service.h"
#include "weir/replication/partition_manager.h"
#include "weir/runtime/environment.h"
#include "weir/runtime/task_group.h"

namespace weir::coordinator {

using runtime::Task;

// What an offset commit says about itself.
struct Commit {
  std::string group;
  group::Identity who;
  int32_t generation = -1;
  std::vector<OffsetChange> changes;
};

class GroupCoordinator final : public metadata::MetadataSubscriber {
 public:
  GroupCoordinator(runtime::Environment& environment, metadata::MetadataService& metadata, replication::PartitionManager& partitions,
                   codec::Codecs& codecs, MetricRegistry& metrics, BrokerId self, Options options);
  ~GroupCoordinator() override;

  // Begins to forget what has expired, every now and then.
  void start();
  // Every parked request ends with NOT_COORDINATOR, and nothing more is taken.
  void resign();
  // Resolves when no task of ours is left; after resign().
  Task<void> stop();

  Task<void> on_metadata(const metadata::MetadataDelta& delta, metadata::ImageRef image) override;

  // The broker that coordinates `group`; makes the topic when it is missing. Errors: kCoordinatorNotAvailable.
  Task<Result<BrokerId>> coordinator_of(std::string group);

  Task<group::JoinReply> join(std::string group, group::Join event, runtime::StopToken stop);
  Task<group::SyncReply> sync(std::string group, group::Sync event, runtime::StopToken stop);
  ErrorCode heartbeat(std::string_view group, const group::Identity& who, int32_t generation);
  // One code for each; an error when the group cannot be asked.
  Result<std::vector<ErrorCode>> leave(std::string_view group, const std::vector<group::Identity>& members);
  Task<Result<void>> commit(Commit commit);
  // Errors: kGroupIdNotFound, kNonEmptyGroup.
  Task<Result<void>> delete_group(std::string group);
  // One code for each place. Errors: kGroupIdNotFound, kNonEmptyGroup.
  Task<Result<std::vector<ErrorCode>>> delete_offsets(std::string group, std::vector<OffsetPlace> places);

  // The group, null when there is none; not to be kept across an await.
  Result<const GroupEntry*> find(std::string_view group) const;
  // Calls `visit(const GroupEntry&)` for each. False when some are not loaded yet.
  template <typename Visit>
  bool for_each(Visit visit) const {
    bool complete = true;
    for (const auto& [index, home] : homes_) {
      if (!home->loaded) complete = false;
      if (!home->loaded) continue;
      for (const auto& [id, entry] : home->groups) visit(*entry);
    }
    return complete;
  }
  const Options& options() const { return options_; }
  bool is_resigned() const { return resigned_; }

 private:
  friend struct GroupEntry;
  friend struct Home;
  template <typename Answer>
  struct Waiting;
  class Replay;
  struct Slot {
    runtime::Event ready;
    std::variant<group::JoinReply, group::SyncReply> answer;
  };

  group::Now now() const;
  OffsetsBatch new_batch() const { return OffsetsBatch(environment_.clock.wall_ms(), options_.compression); }
  void add_gauges(MetricRegistry& registry);
  Result<Home*> home_of(std::string_view group) const;
  GroupEntry* existing(Home& home, std::string_view group) const;
  GroupEntry& entry(Home& home, const std::string& group);
  void carry_out(GroupEntry& entry, group::Actions actions);
  void arm(GroupEntry& entry);
  void tick(GroupEntry& entry);
  Result<void> append(Home& home, OffsetsBatch batch, GroupWrite write);
  void finish(Home& home, GroupWrite& write, ErrorCode error);
  void apply(Home& home, GroupWrite& write);
  Task<Result<void>> await(std::shared_ptr<WriteOutcome> outcome);
  void take_up(PartitionIndex index, LeaderEpoch epoch);
  void give_up_home(PartitionIndex index);
  void close(Home& home);
  static Task<void> load(GroupCoordinator* self, std::shared_ptr<Home> home);
  void forget_topic(Home& home, const DeletedTopic& topic);
  static Task<void> sweep(GroupCoordinator* self);
  void forget_expired(Home& home, GroupEntry& entry, std::vector<std::string>& bare);
  Task<void> create_topic();

  runtime::Environment& environment_;
  metadata::MetadataService& metadata_;
  replication::PartitionManager& partitions_;
  codec::Codecs& codecs_;
  Metrics metrics_;
  BrokerId self_;
  Options options_;
  bool resigned_ = false;
  bool is_creating_topic_ = false;
  group::Token last_token_ = group::kNoToken;
  std::map<PartitionIndex, std::shared_ptr<Home>> homes_;
  struct Failure {
    LeaderEpoch epoch;
    MonoTime retry_at;
  };
  std::map<PartitionIndex, Failure> failures_;  // of homes, until they are taken up again
  std::unordered_map<group::Token, Slot*> waiting_;  // slots live in the frames of the requests
  runtime::StopSource stop_;
  runtime::TaskGroup tasks_;
};

}  // namespace weir::coordinator
