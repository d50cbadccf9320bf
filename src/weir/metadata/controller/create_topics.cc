#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "weir/base/internal_topics.h"
#include "weir/metadata/controller/assignments.h"
#include "weir/metadata/controller/configs.h"
#include "weir/metadata/controller/placement.h"
#include "weir/metadata/controller/topic_names.h"
#include "weir/metadata/controller/topics.h"
#include "weir/metadata/delta.h"
#include "weir/metadata/describe_configs.h"

namespace weir::metadata {
namespace {

using Wanted = protocol::CreateTopicsRequest::CreatableTopic;
using TopicResult = protocol::CreateTopicsResponse::CreatableTopicResult;

Result<void> check_new_name(const MetadataImage& image, const std::string& name) {
  if (name == kMetadataTopic) {
    return fail(ErrorCode::kInvalidRequest, fmt::format("{} is the cluster's own log and cannot be created", name));
  }
  WEIR_CHECK(check_topic_name(name));
  if (image.topic(std::string_view(name)) != nullptr) {
    return fail(ErrorCode::kTopicAlreadyExists, fmt::format("topic \"{}\" already exists", name));
  }
  if (const Topic* other = colliding_topic(image, name)) {
    return fail(ErrorCode::kInvalidTopicException,
                fmt::format("topic \"{}\" collides with the existing topic \"{}\": names may not differ in '.' and '_' alone",
                            name, other->name));
  }
  return {};
}

Result<ConfigMap> overrides_of(const ControllerContext& context, const Wanted& wanted) {
  ConfigMap overrides;
  for (const auto& config : wanted.configs) {
    if (!config.value) return fail(ErrorCode::kInvalidConfig, fmt::format("{} has no value", config.name));
    overrides.set(config.name, *config.value);
  }
  WEIR_CHECK(check_topic_overrides(context, overrides));
  return overrides;
}

// The replicas of each partition as the request assigns them.
Result<std::vector<std::vector<BrokerId>>> assigned_replicas(const MetadataImage& image, const Wanted& wanted) {
  if (wanted.replication_factor != -1 || wanted.num_partitions != -1) {
    return fail(ErrorCode::kInvalidRequest, "with an assignment, partitions and replication factor must be -1");
  }
  std::map<PartitionIndex, std::vector<BrokerId>> by_index;
  for (const auto& assignment : wanted.assignments) {
    if (!by_index.emplace(assignment.partition_index, assignment.broker_ids).second) {
      return fail(ErrorCode::kInvalidReplicaAssignment,
                  fmt::format("the assignment names partition {} twice", assignment.partition_index));
    }
  }
  std::vector<std::vector<BrokerId>> replicas;
  for (auto& [index, brokers] : by_index) {
    if (index != PartitionIndex(static_cast<int32_t>(replicas.size()))) {
      return fail(ErrorCode::kInvalidReplicaAssignment, "the assigned partitions must be 0, 1, 2 and so on without a gap");
    }
    const auto factor = replicas.empty() ? std::nullopt : std::optional(replicas.front().size());
    WEIR_CHECK(check_assignment(image, brokers, factor));
    replicas.push_back(std::move(brokers));
  }
  return replicas;
}

Result<std::vector<std::vector<BrokerId>>> placed_replicas(const ControllerContext& context, const Wanted& wanted) {
  if (wanted.replication_factor < -1 || wanted.replication_factor == 0) {
    return fail(ErrorCode::kInvalidReplicationFactor, "the replication factor must be above 0, or -1 for the default");
  }
  if (wanted.num_partitions < -1 || wanted.num_partitions == 0) {
    return fail(ErrorCode::kInvalidPartitions, "the number of partitions must be above 0, or -1 for the default");
  }
  const ConfigContext configs = context.configs();
  const int32_t count = wanted.num_partitions != -1 ? wanted.num_partitions
                                                    : static_cast<int32_t>(effective_broker_number(configs, "num.partitions"));
  const int64_t factor = wanted.replication_factor != -1 ? wanted.replication_factor
                                                         : effective_broker_number(configs, "default.replication.factor");
  if (factor < 1 || factor > INT16_MAX) {
    return fail(ErrorCode::kInvalidReplicationFactor, fmt::format("default.replication.factor = {} is not usable", factor));
  }
  if (static_cast<size_t>(count) > kRecordsPerChangeMax) {
    return fail(ErrorCode::kPolicyViolation, fmt::format("{} partitions are more than one request may create", count));
  }
  return place_replicas(placement_brokers(context.image), count, static_cast<int16_t>(factor), context.random);
}

// The records of one new topic.
Result<std::vector<MetadataRecord>> records_for(const ControllerContext& context, const Wanted& wanted, Uuid id,
                                                const ConfigMap& overrides) {
  const auto replicas = wanted.assignments.empty() ? placed_replicas(context, wanted) : assigned_replicas(context.image, wanted);
  if (!replicas) return fail(replicas.error());
  std::vector<MetadataRecord> records;
  records.emplace_back(protocol::TopicRecord{wanted.name, id});
  for (const auto& [name, value] : overrides) {
    records.emplace_back(protocol::ConfigRecord{static_cast<int8_t>(ConfigResourceType::kTopic), wanted.name, name, value});
  }
  for (size_t i = 0; i < replicas->size(); ++i) {
    WEIR_TRY(auto partition, new_partition(context.image, id, PartitionIndex(static_cast<int32_t>(i)), (*replicas)[i]));
    records.emplace_back(std::move(partition));
  }
  return records;
}

void describe_new_topic(const ControllerContext& context, const ConfigMap& overrides, TopicResult& result) {
  result.configs.emplace();
  for (const DescribedConfig& row : describe_topic_config(context.configs(), overrides)) {
    result.configs->push_back({row.name, row.value, row.read_only, static_cast<int8_t>(row.source), row.sensitive});
  }
}

// What comes of one topic: records, with `result` filled in.
Result<std::vector<MetadataRecord>> create_one(const ControllerContext& context, const Wanted& wanted, TopicResult& result) {
  WEIR_CHECK(check_new_name(context.image, wanted.name));
  WEIR_TRY(const ConfigMap overrides, overrides_of(context, wanted));
  const Uuid id = context.random.uuid();
  WEIR_TRY(std::vector<MetadataRecord> records, records_for(context, wanted, id, overrides));
  result.topic_id = id;
  for (const MetadataRecord& record : records) {
    const auto* partition = record.as<protocol::PartitionRecord>();
    if (partition == nullptr) continue;
    result.num_partitions = partition->partition_id.value() + 1;
    result.replication_factor = static_cast<int16_t>(partition->replicas.size());
  }
  describe_new_topic(context, overrides, result);
  return records;
}

TopicResult failed(const std::string& name, const Error& error) {
  TopicResult result;
  result.name = name;
  result.configs.emplace();
  set_error(result, error);
  return result;
}

}  // namespace

Decision<protocol::CreateTopicsResponse> create_topics(const ControllerContext& context,
                                                       const protocol::CreateTopicsRequest& request) {
  Decision<protocol::CreateTopicsResponse> decision;
  Mentions<std::string_view> mentions;
  for (const Wanted& wanted : request.topics) mentions.count(wanted.name);
  // Topics of one request must not collide with each other either: each is judged beside those before it.
  MetadataDelta pending(std::make_shared<const MetadataImage>(context.image));
  for (const Wanted& wanted : request.topics) {
    const Mention mention = mentions.next(wanted.name);
    if (mention == Mention::kRepeated) continue;
    if (mention == Mention::kFirstOfMany) {
      decision.response.topics.push_back(failed(
          wanted.name, Error(ErrorCode::kInvalidRequest, fmt::format("the request names topic \"{}\" twice", wanted.name))));
      continue;
    }
    TopicResult result;
    result.name = wanted.name;
    result.error_message.reset();
    const ControllerContext now{pending.after(), context.fixed, context.node, context.random, context.next_offset};
    Result<std::vector<MetadataRecord>> records = create_one(now, wanted, result);
    if (records && decision.records.size() + records->size() > kRecordsPerChangeMax) {
      records = fail(ErrorCode::kPolicyViolation, "the request creates more topics and partitions than one request may");
    }
    if (!records) {
      decision.response.topics.push_back(failed(wanted.name, records.error()));
      continue;
    }
    for (MetadataRecord& record : *records) {
      const Result<void> applied = pending.apply(record, context.next_offset);
      WEIR_ASSERT(applied.has_value(), wanted.name);
      decision.records.push_back(std::move(record));
    }
    if (request.validate_only) result.topic_id = kZeroUuid;
    decision.response.topics.push_back(std::move(result));
  }
  if (request.validate_only) decision.records.clear();
  return decision;
}

}  // namespace weir::metadata
