#include "weir/client/coordinator.h"

#include <fmt/format.h>

#include "weir/protocol/find_coordinator.h"
#include "weir/protocol/offset_commit.h"
#include "weir/protocol/offset_fetch.h"

namespace weir::client {

namespace {

constexpr int16_t kManyKeysVersion = 4;    // of FindCoordinator
constexpr int16_t kManyGroupsVersion = 8;  // of OffsetFetch
constexpr int16_t kStableVersion = 7;      // of OffsetFetch
// Later versions name topics by id, which not every cluster has.
constexpr int16_t kCommitVersionMax = 9;
constexpr int16_t kFetchVersionMax = 9;

std::unexpected<Error> refusal(std::string_view group, ErrorCode code, const std::optional<std::string>& message) {
  return fail(code, message && !message->empty() ? *message : fmt::format("the coordinator of group \"{}\": {}", group, name_of(code)));
}

template <typename Topics>
Result<CommittedOffsets> positions_in(const Topics& topics) {
  CommittedOffsets found;
  for (const auto& topic : topics) {
    for (const auto& row : topic.partitions) {
      if (row.error_code != ErrorCode::kNone && row.error_code != ErrorCode::kUnknownTopicOrPartition) {
        return fail(row.error_code, fmt::format("the position in {}-{}: {}", topic.name, row.partition_index, name_of(row.error_code)));
      }
      if (row.committed_offset < Offset(0)) continue;
      found[{topic.name, row.partition_index}] = {row.committed_offset, row.committed_leader_epoch, row.metadata.value_or("")};
    }
  }
  return found;
}

template <typename Topics>
void name_partitions(const PartitionSet& partitions, Topics& topics) {
  for (const PartitionKey& key : partitions) {
    if (topics.empty() || topics.back().name != key.topic) topics.emplace_back().name = key.topic;
    topics.back().partition_indexes.push_back(key.index);
  }
}

}  // namespace

Task<Result<runtime::Endpoint>> find_coordinator(Cluster& cluster, std::string group, Patience patience) {
  WEIR_CO_TRY(const ConnectionPtr connection, co_await cluster.any_broker(patience));
  WEIR_CO_TRY(const int16_t version, connection->version_of(protocol::ApiKey::kFindCoordinator));
  protocol::FindCoordinatorRequest request;
  if (version >= kManyKeysVersion) request.coordinator_keys.push_back(group);
  else request.key = group;
  WEIR_CO_TRY(const auto answer, co_await connection->call(std::move(request), patience));
  if (version < kManyKeysVersion) {
    if (answer.error_code != ErrorCode::kNone) co_return refusal(group, answer.error_code, answer.error_message);
    co_return runtime::Endpoint{answer.host, static_cast<uint16_t>(answer.port)};
  }
  if (answer.coordinators.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other groups");
  const auto& found = answer.coordinators.front();
  if (found.error_code != ErrorCode::kNone) co_return refusal(group, found.error_code, found.error_message);
  co_return runtime::Endpoint{found.host, static_cast<uint16_t>(found.port)};
}

Task<Result<ConnectionPtr>> connect_to_coordinator(Cluster& cluster, std::string group, Patience patience) {
  WEIR_CO_TRY(const runtime::Endpoint where, co_await find_coordinator(cluster, std::move(group), patience));
  co_return co_await cluster.connection(where, rpc::Lane::kQuick, patience);
}

Task<Result<void>> commit_offsets(ConnectionPtr coordinator, Committer who, CommittedOffsets offsets, Patience patience) {
  protocol::OffsetCommitRequest request;
  request.group_id = who.group;
  request.member_id = who.member_id;
  request.generation_id_or_member_epoch = who.generation;
  request.group_instance_id = who.instance_id;
  for (auto& [key, committed] : offsets) {
    if (request.topics.empty() || request.topics.back().name != key.topic) request.topics.emplace_back().name = key.topic;
    request.topics.back().partitions.push_back({key.index, committed.offset, committed.leader_epoch, std::move(committed.metadata)});
  }
  WEIR_CO_TRY(const auto answer, co_await coordinator->call(std::move(request), patience, kCommitVersionMax));
  for (const auto& topic : answer.topics) {
    for (const auto& row : topic.partitions) {
      if (row.error_code == ErrorCode::kNone) continue;
      co_return fail(row.error_code, fmt::format("the position in {}-{} was not stored: {}", topic.name, row.partition_index, name_of(row.error_code)));
    }
  }
  co_return Result<void>();
}

Task<Result<CommittedOffsets>> fetch_offsets(ConnectionPtr coordinator, std::string group, std::optional<PartitionSet> partitions,
                                             bool require_stable, Patience patience) {
  WEIR_CO_TRY(const int16_t version, coordinator->version_of(protocol::ApiKey::kOffsetFetch, kFetchVersionMax));
  protocol::OffsetFetchRequest request;
  request.require_stable = require_stable && version >= kStableVersion;
  if (version >= kManyGroupsVersion) {
    auto& wanted = request.groups.emplace_back();
    wanted.group_id = group;
    if (partitions) name_partitions(*partitions, wanted.topics.emplace());
    else wanted.topics.reset();
  } else {
    request.group_id = group;
    if (partitions) name_partitions(*partitions, request.topics.emplace());
    else request.topics.reset();
  }
  WEIR_CO_TRY(const auto answer, co_await coordinator->call(std::move(request), patience, kFetchVersionMax));
  if (version < kManyGroupsVersion) {
    if (answer.error_code != ErrorCode::kNone) co_return refusal(group, answer.error_code, std::nullopt);
    co_return positions_in(answer.topics);
  }
  if (answer.groups.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other groups");
  if (answer.groups.front().error_code != ErrorCode::kNone) co_return refusal(group, answer.groups.front().error_code, std::nullopt);
  co_return positions_in(answer.groups.front().topics);
}

}  // namespace weir::client
