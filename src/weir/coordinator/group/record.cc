// The group's record in __consumer_offsets; format in docs/formats/consumer-offsets.md.
#include "weir/coordinator/group/machine.h"

namespace weir::coordinator::group {

protocol::GroupMetadataValue to_record(const GroupState& group, const std::map<std::string, SharedBytes>* assignments) {
  protocol::GroupMetadataValue value;
  value.protocol_type = group.protocol_type.value_or("");
  value.generation = group.generation;
  value.protocol = group.protocol;
  value.leader = group.leader.empty() ? std::nullopt : std::optional(group.leader);
  value.current_state_timestamp = group.phase_since_ms;
  for (const auto& [id, member] : group.members) {
    auto& row = value.members.emplace_back();
    row.member_id = id;
    row.group_instance_id = member.instance_id;
    row.client_id = member.client_id;
    row.client_host = member.client_host;
    row.rebalance_timeout = member.rebalance_timeout_ms;
    row.session_timeout = member.session_timeout_ms;
    if (const Protocol* protocol = member.protocol(group.protocol.value_or(""))) row.subscription = protocol->metadata;
    row.assignment = member.assignment;
    if (assignments != nullptr) {
      const auto given = assignments->find(id);
      row.assignment = given == assignments->end() ? SharedBytes() : given->second;
    }
  }
  return value;
}

GroupState from_record(std::string id, const protocol::GroupMetadataValue& value, Now now) {
  GroupState group;
  group.id = std::move(id);
  group.generation = value.generation;
  if (!value.protocol_type.empty()) group.protocol_type = value.protocol_type;
  group.phase = value.members.empty() ? Phase::kEmpty : Phase::kStable;
  group.phase_since_ms = value.current_state_timestamp;
  if (value.members.empty()) return group;
  group.protocol = value.protocol.value_or("");
  group.leader = value.leader.value_or("");
  for (const auto& row : value.members) {
    Member& member = group.members[row.member_id];
    member.id = row.member_id;
    member.instance_id = row.group_instance_id;
    member.client_id = row.client_id;
    member.client_host = row.client_host;
    member.session_timeout_ms = row.session_timeout;
    // Version 0 had none.
    member.rebalance_timeout_ms = row.rebalance_timeout < 0 ? row.session_timeout : row.rebalance_timeout;
    member.protocols = {{*group.protocol, SharedBytes::copy_of(row.subscription)}};
    member.assignment = SharedBytes::copy_of(row.assignment);
    member.deadline = now.mono + std::chrono::milliseconds(std::max(row.session_timeout, 0));
    group.wake_at = std::min(group.wake_at, member.deadline);
    if (member.instance_id) group.static_members.insert_or_assign(*member.instance_id, member.id);
  }
  group.protocol_support[*group.protocol] = group.members.size();
  if (!group.members.contains(group.leader)) group.leader = group.members.begin()->first;
  return group;
}

}  // namespace weir::coordinator::group
