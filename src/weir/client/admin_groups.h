// Questions about consumer groups, and changes to them from outside. Groups of the classic protocol, and those of the newer
// one (KIP-848) where a cluster has them.
//
// Owner    the caller; borrows the cluster.
// Shard    one.
// Errors   what the coordinator answers; kUnsupportedVersion when it lacks the API; those of Cluster.
#pragma once

#include "weir/client/coordinator.h"
#include "weir/protocol/list_groups.h"

namespace weir::client {

struct ListedGroup {
  std::string name;
  std::string protocol_type;  // "consumer", "connect"...; empty when the group has none yet
  std::string state;          // empty from brokers older than 2.6
  std::string type;           // "classic", "consumer"...; empty from brokers older than 4.0
  BrokerId coordinator = kNoBroker;
};

struct GroupMember {
  std::string id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string host;
  PartitionSet assigned;
};

struct GroupDescription {
  std::string name;
  std::string state;
  std::string protocol_type;
  std::string protocol;  // the assignor
  std::string type;      // "classic" or "consumer"
  runtime::Endpoint coordinator;
  std::vector<GroupMember> members;  // by client id, then id

  bool is_in_use() const { return !members.empty(); }
};

class GroupAdmin {
 public:
  explicit GroupAdmin(Cluster& cluster) : cluster_(cluster) {}

  // Every broker's, by name.
  Task<Result<std::vector<ListedGroup>>> list(Patience patience);
  // Errors: kGroupIdNotFound.
  Task<Result<GroupDescription>> describe(std::string group, Patience patience);
  // Errors: kGroupIdNotFound, kNonEmptyGroup.
  Task<Result<void>> remove(std::string group, Patience patience);

  Task<Result<CommittedOffsets>> offsets(std::string group, Patience patience);
  // Errors: kUnknownMemberId while the group has members.
  Task<Result<void>> set_offsets(std::string group, CommittedOffsets offsets, Patience patience);
  // Errors: kGroupIdNotFound, kGroupSubscribedToTopic.
  Task<Result<void>> remove_offsets(std::string group, PartitionSet partitions, Patience patience);

 private:
  Task<Result<protocol::ListGroupsResponse>> list_at(runtime::Endpoint broker, Patience patience);
  Task<Result<GroupDescription>> describe_new(std::string group, Patience patience);

  Cluster& cluster_;
};

}  // namespace weir::client
