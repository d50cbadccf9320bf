// OffsetFetch 1-10: the positions a group has stored; -1 where there is none, also for a group that does not exist.
//   Null topics (2+) mean all. 8+ asks for several groups. 10 names topics by id: UNKNOWN_TOPIC_ID.
//   What is wrong with the group is said once from 2 on, before for every partition. A member need not be named.
#include "weir/protocol/offset_fetch.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using protocol::OffsetFetchRequest;
using protocol::OffsetFetchResponse;
using coordinator::CommittedOffset;

constexpr int16_t kFirstVersionWithGroupError = 2;
constexpr int16_t kFirstVersionWithGroups = 8;
constexpr int16_t kFirstOffsetFetchByTopicId = 10;

template <typename PartitionAnswer>
PartitionAnswer position(PartitionIndex index, const CommittedOffset* committed, ErrorCode error = ErrorCode::kNone) {
  PartitionAnswer answer;
  answer.partition_index = index;
  answer.error_code = error;
  answer.committed_offset = committed == nullptr ? kNoOffset : committed->offset;
  answer.committed_leader_epoch = committed == nullptr ? kNoLeaderEpoch : committed->leader_epoch;
  answer.metadata = committed == nullptr ? "" : committed->metadata;
  return answer;
}

OffsetFetchResponse::OffsetFetchResponseGroup fetch_group(const HandlerContext& context,
                                                          const OffsetFetchRequest::OffsetFetchRequestGroup& wanted) {
  using Row = OffsetFetchResponse::OffsetFetchResponsePartitions;
  const bool by_id = context.version() >= kFirstOffsetFetchByTopicId;
  OffsetFetchResponse::OffsetFetchResponseGroup answer;
  answer.group_id = wanted.group_id;
  const Result<const coordinator::GroupEntry*> group = context.services().groups.find(wanted.group_id);
  if (!group) {
    answer.error_code = group.error().code();
    return answer;
  }
  const coordinator::Offsets* offsets = *group == nullptr ? nullptr : &(*group)->offsets;
  if (!wanted.topics) {
    if (offsets == nullptr) return answer;
    for (const auto& [name, partitions] : offsets->topics()) {
      const metadata::Topic* topic = context.image().topic(name);
      if (by_id && topic == nullptr) continue;
      auto& row = answer.topics.emplace_back();
      row.name = name;
      if (topic != nullptr) row.topic_id = topic->id;
      for (const auto& [index, committed] : partitions) {
        if (topic == nullptr || committed.fits(topic->id)) row.partitions.push_back(position<Row>(index, &committed));
      }
      if (row.partitions.empty()) answer.topics.pop_back();  // all of an earlier topic of that name
    }
    return answer;
  }
  for (const auto& topic : *wanted.topics) {
    const metadata::Topic* known = by_id ? context.image().topic(topic.topic_id) : context.image().topic(topic.name);
    const std::string& name = known != nullptr ? known->name : topic.name;
    const Uuid id = known != nullptr ? known->id : kZeroUuid;
    auto& row = answer.topics.emplace_back();
    row.name = topic.name;
    row.topic_id = topic.topic_id;
    for (const PartitionIndex index : topic.partition_indexes) {
      const bool is_unknown = by_id && known == nullptr;
      const CommittedOffset* committed = is_unknown || offsets == nullptr ? nullptr : offsets->find(name, id, index);
      row.partitions.push_back(position<Row>(index, committed, is_unknown ? ErrorCode::kUnknownTopicId : ErrorCode::kNone));
    }
  }
  return answer;
}

// Below 8: one group, in fields of its own.
OffsetFetchResponse fetch_one(const HandlerContext& context, const OffsetFetchRequest& request) {
  using Row = OffsetFetchResponse::OffsetFetchResponsePartition;
  OffsetFetchRequest::OffsetFetchRequestGroup wanted;
  wanted.group_id = request.group_id;
  if (!request.topics) {
    wanted.topics.reset();
  } else {
    for (const auto& topic : *request.topics) {
      auto& row = wanted.topics->emplace_back();
      row.name = topic.name;
      row.partition_indexes = topic.partition_indexes;
    }
  }
  const auto group = fetch_group(context, wanted);
  OffsetFetchResponse response;
  response.error_code = group.error_code;
  for (const auto& topic : group.topics) {
    auto& row = response.topics.emplace_back();
    row.name = topic.name;
    for (const auto& partition : topic.partitions) {
      row.partitions.push_back({.partition_index = partition.partition_index,
                                .committed_offset = partition.committed_offset,
                                .committed_leader_epoch = partition.committed_leader_epoch,
                                .metadata = partition.metadata,
                                .error_code = partition.error_code});
    }
  }
  if (group.error_code == ErrorCode::kNone || context.version() >= kFirstVersionWithGroupError || !request.topics) return response;
  for (const auto& topic : *request.topics) {
    auto& row = response.topics.emplace_back();
    row.name = topic.name;
    for (const PartitionIndex index : topic.partition_indexes) row.partitions.push_back(position<Row>(index, nullptr, group.error_code));
  }
  return response;
}

}  // namespace

Task<OffsetFetchResponse> offset_fetch(HandlerContext& context, const OffsetFetchRequest& request) {
  if (context.version() < kFirstVersionWithGroups) co_return fetch_one(context, request);
  OffsetFetchResponse response;
  for (const auto& group : request.groups) response.groups.push_back(fetch_group(context, group));
  co_return response;
}

}  // namespace weir::server
