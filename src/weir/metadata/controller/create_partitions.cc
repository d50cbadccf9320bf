#include <fmt/format.h>

#include "weir/metadata/controller/assignments.h"
#include "weir/metadata/controller/placement.h"
#include "weir/metadata/controller/topics.h"

namespace weir::metadata {
namespace {

using Growth = protocol::CreatePartitionsRequest::CreatePartitionsTopic;

Result<std::vector<std::vector<BrokerId>>> replicas_for(const ControllerContext& context, const Growth& wanted, int32_t added,
                                                        size_t factor) {
  if (!wanted.assignments) {
    return place_replicas(placement_brokers(context.image), added, static_cast<int16_t>(factor), context.random);
  }
  if (wanted.assignments->size() != static_cast<size_t>(added)) {
    return fail(ErrorCode::kInvalidReplicaAssignment,
                fmt::format("{} partitions are added, and {} are assigned", added, wanted.assignments->size()));
  }
  std::vector<std::vector<BrokerId>> replicas;
  for (const auto& assignment : *wanted.assignments) {
    WEIR_CHECK(check_assignment(context.image, assignment.broker_ids, factor));
    replicas.push_back(assignment.broker_ids);
  }
  return replicas;
}

Result<std::vector<MetadataRecord>> grow(const ControllerContext& context, const Growth& wanted) {
  const Topic* topic = context.image.topic(std::string_view(wanted.name));
  if (topic == nullptr) return fail(ErrorCode::kUnknownTopicOrPartition);
  const int32_t now = topic->partition_count();
  if (wanted.count == now) {
    return fail(ErrorCode::kInvalidPartitions, fmt::format("topic \"{}\" has {} partitions already", wanted.name, now));
  }
  if (wanted.count < now) {
    return fail(ErrorCode::kInvalidPartitions,
                fmt::format("topic \"{}\" has {} partitions; {} would not be more", wanted.name, now, wanted.count));
  }
  const int32_t added = wanted.count - now;
  if (static_cast<size_t>(added) > kRecordsPerChangeMax) {
    return fail(ErrorCode::kPolicyViolation, fmt::format("{} partitions are more than one request may create", added));
  }
  const Partition* first = topic->partition(PartitionIndex(0));
  WEIR_ASSERT(first != nullptr, wanted.name);
  WEIR_TRY(const auto replicas, replicas_for(context, wanted, added, first->replicas.size()));
  std::vector<MetadataRecord> records;
  for (int32_t i = 0; i < added; ++i) {
    WEIR_TRY(auto partition, new_partition(context.image, topic->id, PartitionIndex(now + i), replicas[static_cast<size_t>(i)]));
    records.emplace_back(std::move(partition));
  }
  return records;
}

}  // namespace

Decision<protocol::CreatePartitionsResponse> create_partitions(const ControllerContext& context,
                                                               const protocol::CreatePartitionsRequest& request) {
  Decision<protocol::CreatePartitionsResponse> decision;
  Mentions<std::string_view> mentions;
  for (const Growth& wanted : request.topics) mentions.count(wanted.name);
  for (const Growth& wanted : request.topics) {
    const Mention mention = mentions.next(wanted.name);
    if (mention == Mention::kRepeated) continue;
    protocol::CreatePartitionsResponse::CreatePartitionsTopicResult result;
    result.name = wanted.name;
    result.error_message.reset();
    Result<std::vector<MetadataRecord>> records =
        mention == Mention::kFirstOfMany
            ? fail(ErrorCode::kInvalidRequest, fmt::format("the request names topic \"{}\" twice", wanted.name))
            : grow(context, wanted);
    if (records && decision.records.size() + records->size() > kRecordsPerChangeMax) {
      records = fail(ErrorCode::kPolicyViolation, "the request adds more partitions than one request may");
    }
    if (records) {
      std::ranges::move(*records, std::back_inserter(decision.records));
    } else {
      set_error(result, records.error());
    }
    decision.response.results.push_back(std::move(result));
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace weir::metadata
