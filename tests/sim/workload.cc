#include "workload_inner.h"

#include <algorithm>
#include <cstring>

#include "weir/protocol/create_topics.h"
#include "weir/protocol/metadata.h"
#include "weir/runtime/sim/core.h"

namespace weir::sim {

using runtime::Environment;
using runtime::Task;

namespace {
constexpr Duration kRetryPause = 50ms;
}  // namespace

const Violation* Topic::violation() const {
  if (protocol_violation) return &*protocol_violation;
  for (const auto& partition : partitions) {
    if (partition->violation()) return &*partition->violation();
  }
  return nullptr;
}

void Topic::violate(const char* checker, std::string message) {
  if (!protocol_violation) protocol_violation = Violation{checker, std::move(message)};
}

Task<void> pause_before_retry(Environment env) {
  const Result<void> slept = co_await sleep_until(env.executor, env.executor.now() + kRetryPause);
  WEIR_ASSERT(slept.has_value());
}

bool is_wire_failure(const Error& error) {
  return error.code() == ErrorCode::kMalformedFrame || error.code() == ErrorCode::kUnsupportedVersion;
}

// A connection that knows the topic's id, or none; then the caller waits a little and tries again.
Task<std::unique_ptr<WireClient>> connect_to_topic(Environment env, Topic* topic, std::string client_id, Uuid* topic_id) {
  auto client = co_await WireClient::connect(env, topic->broker, std::move(client_id));
  if (!client) {
    if (is_wire_failure(client.error())) topic->violate("wire", client.error().describe());
    co_return nullptr;
  }
  (*client)->raise(protocol::ApiKey::kMetadata, 4);  // older ones create what they ask for, with one partition
  protocol::MetadataRequest request;
  request.topics.emplace();
  request.topics->emplace_back().name = topic->name;
  request.allow_auto_topic_creation = false;
  const auto metadata = co_await (*client)->call(std::move(request));
  if (!metadata) {
    if (is_wire_failure(metadata.error())) topic->violate("wire", metadata.error().describe());
    co_return nullptr;
  }
  if (metadata->topics.size() != 1 || metadata->topics[0].error_code != ErrorCode::kNone) co_return nullptr;
  *topic_id = metadata->topics[0].topic_id;
  if (topic_id->is_zero()) {
    (*client)->cap(protocol::ApiKey::kProduce, 12);
    (*client)->cap(protocol::ApiKey::kFetch, 12);
  }
  co_return std::move(*client);
}

Task<void> create_topic(Environment env, Topic* topic) {
  while (!topic->created) {
    auto client = co_await WireClient::connect(env, topic->broker, "admin");
    if (client) {
      protocol::CreateTopicsRequest request;
      auto& wanted = request.topics.emplace_back();
      wanted.name = topic->name;
      wanted.num_partitions = static_cast<int32_t>(topic->partitions.size());
      wanted.replication_factor = 1;
      wanted.configs.push_back({"segment.ms", "3000"});
      wanted.configs.push_back({"retention.ms", "-1"});
      wanted.configs.push_back({"message.timestamp.after.max.ms", std::to_string(INT64_MAX)});
      wanted.configs.push_back({"weir.flush.on.ack", "true"});
      const auto answer = co_await (*client)->call(std::move(request));
      if (answer && answer->topics.size() == 1) {
        const ErrorCode code = answer->topics[0].error_code;
        topic->created = code == ErrorCode::kNone || code == ErrorCode::kTopicAlreadyExists;
        if (code == ErrorCode::kInvalidConfig || code == ErrorCode::kInvalidRequest) {
          topic->violate("wire", fmt::format("CreateTopics: {}", answer->topics[0].error_message.value_or("")));
        }
      }
      if (!answer && is_wire_failure(answer.error())) topic->violate("wire", answer.error().describe());
    } else if (is_wire_failure(client.error())) {
      topic->violate("wire", client.error().describe());
    }
    if (!topic->created) co_await pause_before_retry(env);
  }
}

}  // namespace weir::sim
