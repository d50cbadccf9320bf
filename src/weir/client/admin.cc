#include "weir/client/admin.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "weir/protocol/create_partitions.h"
#include "weir/protocol/create_topics.h"
#include "weir/protocol/delete_records.h"
#include "weir/protocol/delete_topics.h"
#include "weir/protocol/describe_configs.h"
#include "weir/protocol/incremental_alter_configs.h"
#include "weir/protocol/list_offsets.h"

namespace weir::client {

namespace {

constexpr int32_t kChangeTimeoutMs = 30'000;
constexpr int8_t kSetOperation = 0;
constexpr int8_t kDeleteOperation = 1;

std::unexpected<Error> said(ErrorCode code, const std::optional<std::string>& message) {
  return message && !message->empty() ? fail(code, *message) : fail(code);
}

}  // namespace

Task<Result<CreatedTopic>> Admin::create_topic(NewTopic topic, bool validate_only, Patience patience) {
  protocol::CreateTopicsRequest request;
  request.timeout_ms = kChangeTimeoutMs;
  request.validate_only = validate_only;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic.name;
  wanted.num_partitions = topic.partitions;
  wanted.replication_factor = topic.replication_factor;
  for (auto& [name, value] : topic.configs) wanted.configs.push_back({.name = std::move(name), .value = std::move(value)});
  for (int attempt = 0;; ++attempt) {
    WEIR_CO_TRY(const auto answer, co_await cluster_.call_any(request, patience));
    if (answer.topics.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other topics");
    const auto& made = answer.topics.front();
    if (made.error_code == ErrorCode::kNone) {
      cluster_.forget(topic.name);
      co_return CreatedTopic{topic.name, made.topic_id, made.num_partitions, made.replication_factor};
    }
    if (reaction_to(made.error_code) == Reaction::kFail) co_return said(made.error_code, made.error_message);
    WEIR_CO_CHECK(co_await cluster_.back_off(attempt, said(made.error_code, made.error_message).error(), patience));
  }
}

Task<Result<void>> Admin::delete_topic(std::string name, Patience patience) {
  bool is_answer_lost = false;  // of an attempt before
  for (int attempt = 0;; ++attempt) {
    WEIR_CO_TRY(const ConnectionPtr connection, co_await cluster_.any_broker(patience));
    WEIR_CO_TRY(const int16_t version, connection->version_of(protocol::ApiKey::kDeleteTopics));
    protocol::DeleteTopicsRequest request;
    request.timeout_ms = kChangeTimeoutMs;
    if (version >= 6) request.topics.push_back({.name = name});
    else request.topic_names.push_back(name);
    const auto answer = co_await connection->call(std::move(request), cluster_.one_attempt(patience));
    if (!answer) {
      if (!is_transport_failure(answer.error().code())) co_return fail(answer.error());
      is_answer_lost = true;
      WEIR_CO_CHECK(co_await cluster_.back_off(attempt, answer.error(), patience));
      continue;
    }
    if (answer->responses.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other topics");
    const auto& gone = answer->responses.front();
    const bool is_unknown = gone.error_code == ErrorCode::kUnknownTopicOrPartition;
    if (gone.error_code == ErrorCode::kNone || (is_unknown && is_answer_lost)) {
      cluster_.forget(name);
      co_return Result<void>();
    }
    if (is_unknown || reaction_to(gone.error_code) == Reaction::kFail) co_return said(gone.error_code, gone.error_message);
    WEIR_CO_CHECK(co_await cluster_.back_off(attempt, said(gone.error_code, gone.error_message).error(), patience));
  }
}

Task<Result<void>> Admin::create_partitions(std::string topic, int32_t count, Patience patience) {
  protocol::CreatePartitionsRequest request;
  request.timeout_ms = kChangeTimeoutMs;
  auto& wanted = request.topics.emplace_back();
  wanted.name = topic;
  wanted.count = count;
  wanted.assignments.reset();
  WEIR_CO_TRY(const auto answer, co_await cluster_.call_any(std::move(request), patience));
  if (answer.results.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other topics");
  cluster_.forget(topic);
  const auto& made = answer.results.front();
  if (made.error_code != ErrorCode::kNone) co_return said(made.error_code, made.error_message);
  co_return Result<void>();
}

Task<Result<ConnectionPtr>> Admin::broker_for(const Resource& resource, Patience patience) {
  if (resource.type != ResourceType::kBroker || resource.name.empty()) co_return co_await cluster_.any_broker(patience);
  int32_t id = -1;
  const char* end = resource.name.data() + resource.name.size();
  if (std::from_chars(resource.name.data(), end, id).ptr != end) {
    co_return fail(ErrorCode::kInvalidArgument, fmt::format("\"{}\" is not the number of a broker", resource.name));
  }
  if (cluster_.brokers().empty()) WEIR_CO_CHECK(co_await cluster_.all_topics(patience));
  co_return co_await cluster_.broker(BrokerId(id), rpc::Lane::kQuick, patience);
}

Task<Result<std::vector<ConfigEntry>>> Admin::describe_configs(Resource resource, Patience patience) {
  WEIR_CO_TRY(const ConnectionPtr connection, co_await broker_for(resource, patience));
  WEIR_CO_TRY(const int16_t version, connection->version_of(protocol::ApiKey::kDescribeConfigs));
  protocol::DescribeConfigsRequest request;
  auto& wanted = request.resources.emplace_back();
  wanted.resource_type = static_cast<int8_t>(resource.type);
  wanted.resource_name = resource.name;
  wanted.configuration_keys.reset();
  request.include_documentation = version >= 3;
  WEIR_CO_TRY(auto answer, co_await connection->call(std::move(request), cluster_.one_attempt(patience)));
  if (answer.results.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other resources");
  auto& found = answer.results.front();
  if (found.error_code != ErrorCode::kNone) co_return said(found.error_code, found.error_message);
  std::vector<ConfigEntry> entries;
  for (auto& one : found.configs) {
    entries.push_back({std::move(one.name), std::move(one.value), one.read_only, one.is_sensitive, static_cast<ConfigSource>(one.config_source),
                       std::move(one.documentation)});
  }
  std::ranges::sort(entries, {}, &ConfigEntry::name);
  co_return entries;
}

Task<Result<void>> Admin::alter_configs(Resource resource, std::vector<ConfigChange> changes, Patience patience) {
  WEIR_CO_TRY(const ConnectionPtr connection, co_await broker_for(resource, patience));
  protocol::IncrementalAlterConfigsRequest request;
  auto& wanted = request.resources.emplace_back();
  wanted.resource_type = static_cast<int8_t>(resource.type);
  wanted.resource_name = resource.name;
  for (ConfigChange& change : changes) {
    const int8_t operation = change.value ? kSetOperation : kDeleteOperation;
    wanted.configs.push_back({.name = std::move(change.name), .config_operation = operation, .value = std::move(change.value)});
  }
  WEIR_CO_TRY(const auto answer, co_await connection->call(std::move(request), cluster_.one_attempt(patience)));
  if (answer.responses.size() != 1) co_return fail(ErrorCode::kMalformedFrame, "the broker answered for other resources");
  const auto& done = answer.responses.front();
  if (done.error_code != ErrorCode::kNone) co_return said(done.error_code, done.error_message);
  co_return Result<void>();
}

// Asks the leaders of `left`, again and again until all have answered: `add` puts a partition into a leader's request, `take` is
// told of each one that succeeded. `what` begins the sentence of what failed.
template <typename Request, typename Add, typename Take>
Task<Result<void>> Admin::ask_leaders(const std::string& name, std::set<PartitionIndex>& left, std::string_view what, Patience patience,
                                      const Request& blank, const Add& add, const Take& take) {
  for (int attempt = 0; !left.empty(); ++attempt) {
    WEIR_CO_TRY(const TopicPtr topic, co_await cluster_.topic(name, patience));
    Error last(ErrorCode::kLeaderNotAvailable, fmt::format("topic \"{}\" has no leader", name));
    std::map<BrokerId, Request> requests;
    for (const PartitionIndex index : left) {
      const Partition* const partition = topic->partition(index);
      if (partition == nullptr) {
        co_return fail(ErrorCode::kUnknownTopicOrPartition, fmt::format("topic \"{}\" has no partition {}", name, index));
      }
      if (partition->leader == kNoBroker) continue;
      Request& request = requests.try_emplace(partition->leader, blank).first->second;
      if (request.topics.empty()) request.topics.emplace_back().name = name;
      add(request.topics.front().partitions, *partition);
    }
    for (const auto& [leader, request] : requests) {
      const auto connection = co_await cluster_.broker(leader, rpc::Lane::kQuick, patience);
      if (!connection) {
        last = connection.error();
        continue;
      }
      const auto answer = co_await (*connection)->call(request, cluster_.one_attempt(patience));
      if (!answer) {
        last = answer.error();
        continue;
      }
      for (const auto& of : answer->topics) {
        for (const auto& row : of.partitions) {
          if (row.error_code != ErrorCode::kNone) {
            last = Error(row.error_code, fmt::format("{} of {}-{}: {}", what, name, row.partition_index, name_of(row.error_code)));
          } else if (left.erase(row.partition_index) > 0) {
            take(row);
          }
        }
      }
    }
    if (left.empty()) break;
    if (reaction_to(last.code()) == Reaction::kFail) co_return fail(last);
    cluster_.forget(name);
    WEIR_CO_CHECK(co_await cluster_.back_off(attempt, last, patience));
  }
  co_return Result<void>();
}

Task<Result<std::vector<PartitionOffset>>> Admin::delete_records(std::string name, std::map<PartitionIndex, Offset> before,
                                                                 Patience patience) {
  std::vector<PartitionOffset> moved;
  std::set<PartitionIndex> left;
  for (const auto& [index, offset] : before) left.insert(index);
  protocol::DeleteRecordsRequest blank;
  blank.timeout_ms = kChangeTimeoutMs;
  const auto add = [&](auto& partitions, const Partition& partition) { partitions.push_back({partition.index, before.at(partition.index)}); };
  const auto take = [&](const auto& row) { moved.push_back({row.partition_index, Offset(row.low_watermark)}); };
  WEIR_CO_CHECK(co_await ask_leaders(name, left, "deleting records", patience, blank, add, take));
  std::ranges::sort(moved, {}, &PartitionOffset::partition);
  co_return moved;
}

Task<Result<std::vector<PartitionOffset>>> Admin::list_offsets(std::string name, std::vector<PartitionIndex> partitions, int64_t timestamp,
                                                               Patience patience, Isolation isolation) {
  std::vector<PartitionOffset> found;
  WEIR_CO_TRY(const TopicPtr first, co_await cluster_.topic(name, patience));
  std::set<PartitionIndex> left(partitions.begin(), partitions.end());
  if (left.empty()) {
    for (const Partition& partition : first->partitions) left.insert(partition.index);
  }
  protocol::ListOffsetsRequest blank;
  blank.replica_id = BrokerId(-1);
  blank.isolation_level = static_cast<int8_t>(isolation);
  const auto add = [&](auto& asked, const Partition& partition) { asked.push_back({partition.index, partition.leader_epoch, timestamp}); };
  const auto take = [&](const auto& row) { found.push_back({row.partition_index, row.offset, row.timestamp, row.leader_epoch}); };
  WEIR_CO_CHECK(co_await ask_leaders(name, left, "offsets", patience, blank, add, take));
  std::ranges::sort(found, {}, &PartitionOffset::partition);
  co_return found;
}

}  // namespace weir::client
