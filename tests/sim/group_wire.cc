#include "group_wire.h"

#include <charconv>

#include "weir/protocol/find_coordinator.h"
#include "weir/protocol/internal/consumer_protocol_subscription.h"
#include "weir/protocol/versioned.h"
#include "workload_inner.h"

namespace weir::sim {

using protocol::ApiKey;
using runtime::Environment;
using runtime::Task;

namespace {

// What a static member needs at least.
constexpr std::pair<ApiKey, int16_t> kFirstWithInstanceId[] = {
    {ApiKey::kJoinGroup, 5}, {ApiKey::kSyncGroup, 3}, {ApiKey::kHeartbeat, 3}, {ApiKey::kLeaveGroup, 3}, {ApiKey::kOffsetCommit, 7}};
constexpr int16_t kFirstJoinWithRebalanceTimeout = 1;
constexpr int16_t kFirstSyncWithProtocol = 5;
constexpr int16_t kFirstLeaveWithMembers = 3;
constexpr int16_t kFirstByTopicId = 10;
constexpr int16_t kFirstFetchWithGroups = 8;
constexpr int16_t kFirstFetchWithStable = 7;
constexpr int16_t kFirstCommitWithEpoch = 6;
constexpr int16_t kFirstFindWithKeys = 4;

std::unexpected<Error> ill_formed(const char* what) { return fail(ErrorCode::kMalformedFrame, what); }

}  // namespace

protocol::JoinGroupRequest join_request(const WireClient& client, const GroupUnderTest& group, const Membership& who) {
  protocol::JoinGroupRequest request;
  request.group_id = group.name;
  request.session_timeout_ms = group.session_timeout_ms;
  if (client.version_of(ApiKey::kJoinGroup) >= kFirstJoinWithRebalanceTimeout) request.rebalance_timeout_ms = group.rebalance_timeout_ms;
  request.member_id = who.member_id;
  request.group_instance_id = who.instance_id;
  request.protocol_type = "consumer";
  const auto subscription = protocol::encode_value(protocol::ConsumerProtocolSubscription{.topics = {group.topic->name}}, 0);
  WEIR_ASSERT(subscription.has_value());
  request.protocols.push_back({"range", *subscription});
  request.protocols.push_back({"shuffle", *subscription});
  return request;
}

protocol::SyncGroupRequest sync_request(const WireClient& client, const GroupUnderTest& group, const Membership& who) {
  protocol::SyncGroupRequest request;
  request.group_id = group.name;
  request.generation_id = who.generation;
  request.member_id = who.member_id;
  request.group_instance_id = who.instance_id;
  if (client.version_of(ApiKey::kSyncGroup) >= kFirstSyncWithProtocol) request.protocol_type = "consumer";
  return request;
}

protocol::HeartbeatRequest heartbeat_request(const WireClient&, const GroupUnderTest& group, const Membership& who) {
  protocol::HeartbeatRequest request;
  request.group_id = group.name;
  request.generation_id = who.generation;
  request.member_id = who.member_id;
  request.group_instance_id = who.instance_id;
  return request;
}

protocol::LeaveGroupRequest leave_request(const WireClient& client, const GroupUnderTest& group, const Membership& who) {
  protocol::LeaveGroupRequest request;
  request.group_id = group.name;
  if (client.version_of(ApiKey::kLeaveGroup) >= kFirstLeaveWithMembers) {
    request.members.push_back({.member_id = who.member_id, .group_instance_id = who.instance_id});
  } else {
    request.member_id = who.member_id;
  }
  return request;
}

protocol::OffsetCommitRequest commit_request(const WireClient& client, const GroupUnderTest& group, const Membership& who,
                                             const Uuid& topic_id, const std::map<size_t, int64_t>& positions,
                                             GroupHistory::CommitNumber number) {
  const int16_t version = client.version_of(ApiKey::kOffsetCommit);
  protocol::OffsetCommitRequest request;
  request.group_id = group.name;
  request.generation_id_or_member_epoch = who.generation;
  request.member_id = who.member_id;
  request.group_instance_id = who.instance_id;
  auto& topic = request.topics.emplace_back();
  if (version >= kFirstByTopicId)
    topic.topic_id = topic_id;
  else
    topic.name = group.topic->name;
  for (const auto& [index, offset] : positions) {
    auto& partition = topic.partitions.emplace_back();
    partition.partition_index = PartitionIndex(static_cast<int32_t>(index));
    partition.committed_offset = Offset(offset);
    partition.committed_metadata = commit_metadata(number);
    if (version >= kFirstCommitWithEpoch) partition.committed_leader_epoch = LeaderEpoch(0);
  }
  return request;
}

protocol::OffsetFetchRequest fetch_request(const WireClient& client, const GroupUnderTest& group, const Uuid& topic_id,
                                           const std::vector<size_t>& partitions) {
  const int16_t version = client.version_of(ApiKey::kOffsetFetch);
  std::vector<PartitionIndex> indexes;
  for (const size_t index : partitions) indexes.push_back(PartitionIndex(static_cast<int32_t>(index)));
  protocol::OffsetFetchRequest request;
  request.require_stable = version >= kFirstFetchWithStable;
  if (version < kFirstFetchWithGroups) {
    request.group_id = group.name;
    request.topics->push_back({.name = group.topic->name, .partition_indexes = std::move(indexes)});
    return request;
  }
  auto& wanted = request.groups.emplace_back();
  wanted.group_id = group.name;
  auto& topic = wanted.topics->emplace_back();
  if (version >= kFirstByTopicId)
    topic.topic_id = topic_id;
  else
    topic.name = group.topic->name;
  topic.partition_indexes = std::move(indexes);
  return request;
}

std::string commit_metadata(GroupHistory::CommitNumber number) { return std::to_string(number); }

Result<GroupHistory::CommitNumber> commit_number_in(const std::string& metadata) {
  GroupHistory::CommitNumber number = GroupHistory::kNoCommit;
  const auto [end, error] = std::from_chars(metadata.data(), metadata.data() + metadata.size(), number);
  if (!metadata.empty() && (error != std::errc() || end != metadata.data() + metadata.size())) {
    return ill_formed("OffsetFetch: metadata that nobody committed");
  }
  return number;
}

namespace {
template <typename Partitions>
Result<std::vector<GroupPosition>> positions_of(const Partitions& rows, const std::vector<size_t>& wanted) {
  if (rows.size() != wanted.size()) return ill_formed("OffsetFetch: not the partitions that were asked for");
  std::vector<GroupPosition> positions;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (rows[i].partition_index.value() != static_cast<int32_t>(wanted[i])) return ill_formed("OffsetFetch: another partition");
    if (rows[i].error_code != ErrorCode::kNone) return fail(rows[i].error_code);
    WEIR_TRY(const GroupHistory::CommitNumber number, commit_number_in(rows[i].metadata.value_or("")));
    positions.push_back({rows[i].committed_offset.value(), number});
  }
  return positions;
}
}  // namespace

Result<std::vector<GroupPosition>> positions_in(const protocol::OffsetFetchResponse& answer, const std::vector<size_t>& partitions) {
  if (answer.groups.empty()) {
    if (answer.error_code != ErrorCode::kNone) return fail(answer.error_code);
    if (answer.topics.size() != 1) return ill_formed("OffsetFetch: not the topic that was asked for");
    return positions_of(answer.topics[0].partitions, partitions);
  }
  const auto& group = answer.groups[0];
  if (group.error_code != ErrorCode::kNone) return fail(group.error_code);
  if (group.topics.size() != 1) return ill_formed("OffsetFetch: not the topic that was asked for");
  return positions_of(group.topics[0].partitions, partitions);
}

Result<ErrorCode> code_of(const protocol::OffsetCommitResponse& answer, size_t partitions) {
  if (answer.topics.size() != 1 || answer.topics[0].partitions.size() != partitions || partitions == 0) {
    return ill_formed("OffsetCommit: not the partitions that were asked for");
  }
  const ErrorCode code = answer.topics[0].partitions[0].error_code;
  for (const auto& partition : answer.topics[0].partitions) {
    if (partition.error_code != code) return ill_formed("OffsetCommit: what is wrong with the group is not said of all partitions");
  }
  return code;
}

ErrorCode code_of(const protocol::LeaveGroupResponse& answer) {
  return answer.error_code != ErrorCode::kNone || answer.members.empty() ? answer.error_code : answer.members[0].error_code;
}

Task<std::unique_ptr<WireClient>> connect_to_group(Environment env, GroupUnderTest* group, std::string client_id, bool is_static,
                                                   Uuid* topic_id) {
  std::unique_ptr<WireClient> client = co_await connect_to_topic(env, group->topic, std::move(client_id), topic_id);
  if (client == nullptr) co_return nullptr;
  if (topic_id->is_zero()) {
    client->cap(ApiKey::kOffsetCommit, kFirstByTopicId - 1);
    client->cap(ApiKey::kOffsetFetch, kFirstByTopicId - 1);
  }
  if (is_static) {
    for (const auto& [key, version] : kFirstWithInstanceId) client->raise(key, version);
  }
  protocol::FindCoordinatorRequest request;
  if (client->version_of(ApiKey::kFindCoordinator) >= kFirstFindWithKeys)
    request.coordinator_keys.push_back(group->name);
  else
    request.key = group->name;
  const auto found = co_await client->call(std::move(request));
  if (!found) {
    if (is_wire_failure(found.error())) group->topic->violate("wire", found.error().describe());
    co_return nullptr;
  }
  const ErrorCode code = found->coordinators.empty() ? found->error_code : found->coordinators[0].error_code;
  if (code != ErrorCode::kNone) co_return nullptr;
  co_return client;
}

}  // namespace weir::sim
