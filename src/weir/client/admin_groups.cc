#include "weir/client/admin_groups.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/client/group/subscription.h"
#include "weir/protocol/consumer_group_describe.h"
#include "weir/protocol/delete_groups.h"
#include "weir/protocol/describe_groups.h"
#include "weir/protocol/offset_delete.h"

namespace weir::client {

namespace {

constexpr std::string_view kDead = "Dead";

template <typename Response>
ErrorCode code_of_first(const Response& answer) {
  return answer.groups.empty() ? ErrorCode::kNone : answer.groups.front().error_code;
}
ErrorCode code_of_deletion(const protocol::DeleteGroupsResponse& answer) {
  return answer.results.empty() ? ErrorCode::kNone : answer.results.front().error_code;
}
ErrorCode code_of_offset_deletion(const protocol::OffsetDeleteResponse& answer) { return answer.error_code; }

std::unexpected<Error> group_error(std::string_view group, ErrorCode code) {
  if (code == ErrorCode::kGroupIdNotFound) return fail(code, fmt::format("group \"{}\" does not exist", group));
  return fail(code, fmt::format("group \"{}\": {}", group, name_of(code)));
}

// Kafka puts a slash before addresses.
std::string plain_host(std::string host) {
  if (host.starts_with('/')) host.erase(0, 1);
  return host;
}

void sort_members(GroupDescription& group) {
  std::ranges::sort(group.members, {}, [](const GroupMember& one) { return std::pair(one.client_id, one.id); });
}

}  // namespace

Task<Result<protocol::ListGroupsResponse>> GroupAdmin::list_at(runtime::Endpoint broker, Patience patience) {
  for (int attempt = 0;; ++attempt) {
    auto answer = co_await cluster_.call(broker, rpc::Lane::kQuick, protocol::ListGroupsRequest(), cluster_.one_attempt(patience));
    if (answer && answer->error_code == ErrorCode::kNone) co_return answer;
    const Error last = answer ? Error(answer->error_code) : answer.error();
    if (!is_coordinator_trouble(last.code())) co_return fail(last);
    WEIR_CO_CHECK(co_await cluster_.back_off(attempt, last, patience));
  }
}

Task<Result<std::vector<ListedGroup>>> GroupAdmin::list(Patience patience) {
  WEIR_CO_CHECK(co_await cluster_.refresh({}, patience));  // brokers
  const std::vector<Broker> brokers = cluster_.brokers();
  std::vector<ListedGroup> groups;
  for (const Broker& broker : brokers) {
    WEIR_CO_TRY(const protocol::ListGroupsResponse answer, co_await list_at(broker.endpoint, patience));
    for (const auto& one : answer.groups) groups.push_back({one.group_id, one.protocol_type, one.group_state, one.group_type, broker.id});
  }
  std::ranges::sort(groups, {}, &ListedGroup::name);
  co_return groups;
}

Task<Result<GroupDescription>> GroupAdmin::describe(std::string group, Patience patience) {
  protocol::DescribeGroupsRequest request;
  request.groups.push_back(group);
  WEIR_CO_TRY(const auto answer, co_await call_coordinator(cluster_, group, std::move(request),
                                                           &code_of_first<protocol::DescribeGroupsResponse>, patience));
  if (answer.groups.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other groups");
  const auto& found = answer.groups.front();
  if (found.error_code == ErrorCode::kGroupIdNotFound || found.group_state == kDead) co_return co_await describe_new(group, patience);
  if (found.error_code != ErrorCode::kNone) co_return group_error(group, found.error_code);
  GroupDescription described{group, found.group_state, found.protocol_type, found.protocol_data, "classic", {}, {}};
  for (const auto& one : found.members) {
    GroupMember& member = described.members.emplace_back();
    member = {one.member_id, one.group_instance_id, one.client_id, plain_host(one.client_host), {}};
    // Other protocol types (Connect) put something else there.
    if (found.protocol_type != "consumer") continue;
    member.assigned = group::decode_assignment(one.member_assignment).value_or(PartitionSet());
  }
  sort_members(described);
  WEIR_CO_TRY(described.coordinator, co_await find_coordinator(cluster_, group, patience));
  co_return described;
}

Task<Result<GroupDescription>> GroupAdmin::describe_new(std::string group, Patience patience) {
  protocol::ConsumerGroupDescribeRequest request;
  request.group_ids.push_back(group);
  const auto answer = co_await call_coordinator(cluster_, group, std::move(request),
                                                &code_of_first<protocol::ConsumerGroupDescribeResponse>, patience);
  const bool lacks_api = !answer && answer.error().code() == ErrorCode::kUnsupportedVersion;
  if (lacks_api || (answer && answer->groups.size() != 1)) co_return group_error(group, ErrorCode::kGroupIdNotFound);
  if (!answer) co_return fail(answer.error());
  const auto& found = answer->groups.front();
  if (found.error_code != ErrorCode::kNone) co_return group_error(group, found.error_code);
  GroupDescription described{group, found.group_state, "consumer", found.assignor_name, "consumer", {}, {}};
  for (const auto& one : found.members) {
    GroupMember& member = described.members.emplace_back();
    member = {one.member_id, one.instance_id, one.client_id, plain_host(one.client_host), {}};
    for (const auto& topic : one.assignment.topic_partitions) {
      for (const PartitionIndex index : topic.partitions) member.assigned.insert({topic.topic_name, index});
    }
  }
  sort_members(described);
  WEIR_CO_TRY(described.coordinator, co_await find_coordinator(cluster_, group, patience));
  co_return described;
}

Task<Result<void>> GroupAdmin::remove(std::string group, Patience patience) {
  protocol::DeleteGroupsRequest request;
  request.groups_names.push_back(group);
  WEIR_CO_TRY(const auto answer, co_await call_coordinator(cluster_, group, std::move(request), &code_of_deletion, patience));
  if (answer.results.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other groups");
  if (answer.results.front().error_code != ErrorCode::kNone) co_return group_error(group, answer.results.front().error_code);
  co_return Result<void>();
}

Task<Result<CommittedOffsets>> GroupAdmin::offsets(std::string group, Patience patience) {
  const auto ask = [&](ConnectionPtr coordinator, Patience once) { return fetch_offsets(std::move(coordinator), group, std::nullopt, false, once); };
  co_return co_await ask_coordinator<CommittedOffsets>(cluster_, group, patience, ask);
}

Task<Result<void>> GroupAdmin::set_offsets(std::string group, CommittedOffsets offsets, Patience patience) {
  const auto ask = [&](ConnectionPtr coordinator, Patience once) { return commit_offsets(std::move(coordinator), {.group = group}, offsets, once); };
  co_return co_await ask_coordinator<void>(cluster_, group, patience, ask);
}

Task<Result<void>> GroupAdmin::remove_offsets(std::string group, PartitionSet partitions, Patience patience) {
  protocol::OffsetDeleteRequest request;
  request.group_id = group;
  for (const PartitionKey& key : partitions) {
    if (request.topics.empty() || request.topics.back().name != key.topic) request.topics.emplace_back().name = key.topic;
    request.topics.back().partitions.push_back({key.index});
  }
  WEIR_CO_TRY(const auto answer, co_await call_coordinator(cluster_, group, std::move(request), &code_of_offset_deletion, patience));
  if (answer.error_code != ErrorCode::kNone) co_return group_error(group, answer.error_code);
  for (const auto& topic : answer.topics) {
    for (const auto& row : topic.partitions) {
      if (row.error_code == ErrorCode::kNone) continue;
      co_return fail(row.error_code, fmt::format("the position in {}-{} stays: {}", topic.name, row.partition_index, name_of(row.error_code)));
    }
  }
  co_return Result<void>();
}

}  // namespace weir::client
