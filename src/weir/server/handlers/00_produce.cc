// Produce 3-13: appends one record batch to each named partition that this broker leads.
//   acks 0: no answer; on any error the connection is closed. acks 1: answered when written. acks -1: answered when committed
//   (with weir.flush.on.ack: synced). Any other: INVALID_REQUIRED_ACKS for every partition, nothing appended.
//   A batch an idempotent producer sent before is answered with its old offsets. Partitions fail one by one.
//   13+ names topics by id: UNKNOWN_TOPIC_ID. Internal topics: INVALID_TOPIC_EXCEPTION, except from Kafka's own admin tool.
//   NOT_LEADER_OR_FOLLOWER carries the leader and where it is (10+, KIP-951).
//   A transactional batch in a request without a transactional id: TRANSACTIONAL_ID_AUTHORIZATION_FAILED for all of it. With one:
//   INVALID_TXN_STATE until transactions are served.
#include <vector>

#include "weir/base/internal_topics.h"
#include "weir/protocol/produce.h"
#include "weir/record/validate.h"
#include "weir/server/handlers/handlers.h"
#include "weir/server/leader_hint.h"

namespace weir::server {
namespace {

constexpr int64_t kUnacknowledgedMs = 30'000;  // a batch sent with acks=0 holds its place so long at most

using protocol::ProduceRequest;
using protocol::ProduceResponse;
using PartitionResponse = ProduceResponse::PartitionProduceResponse;

// What Kafka's own tools call themselves where they must write to internal topics.
constexpr std::string_view kAdminToolClientId = "__admin_client";
constexpr int16_t kAcksAll = -1;
constexpr int16_t kAcksNone = 0;
constexpr int16_t kAcksLeader = 1;
constexpr LeaderHintVersions kProduceLeaderHint{.leader = 10, .endpoint = 10};
constexpr int16_t kFirstVersionWithZstd = 7;
constexpr int16_t kFirstVersionWithTopicIds = 13;

// An append that waits for its acknowledgement, and where its answer goes.
struct Pending {
  replication::PartitionRef partition;
  Offset last_offset;
  LeaderEpoch epoch;   // of the leadership that took it
  PartitionResponse* response;
};

void refuse(PartitionResponse& response, const Error& error) {
  response.error_code = error.code();
  response.base_offset = kNoOffset;
  if (!error.message().empty()) response.error_message = error.message();
}

void refuse(PartitionResponse& response, const record::Refusal& refusal) {
  refuse(response, refusal.error);
  for (const record::RecordError& wrong : refusal.records) {
    response.record_errors.push_back({.batch_index = wrong.batch_index, .batch_index_error_message = wrong.message});
  }
}

// A refusal tells where the log begins, so that a producer can tell a forgotten sequence from a lost one; not when the batch
// never got as far as the log, by its size or its checksum or a broken disk.
void tell_log_start(const replication::Partition& partition, PartitionResponse& response) {
  switch (response.error_code) {
    case ErrorCode::kMessageTooLarge:
    case ErrorCode::kRecordListTooLarge:
    case ErrorCode::kCorruptMessage:
    case ErrorCode::kUnsupportedCompressionType:
    case ErrorCode::kKafkaStorageError:
    case ErrorCode::kNotLeaderOrFollower: return;
    default: response.log_start_offset = partition.log().start_offset();
  }
}

Result<replication::PartitionRef> resolve(const HandlerContext& context, const ProduceRequest::TopicProduceData& topic, PartitionIndex index) {
  return context.version() >= kFirstVersionWithTopicIds ? context.partition(topic.topic_id, index) : context.partition(topic.name, index);
}

// Validates and queues one partition's batch; plain, so that requests reach the log in the order in which they came.
std::optional<Pending> append(HandlerContext& context, const replication::PartitionRef& partition, const protocol::Records& records,
                              int16_t acks, PartitionResponse& response) {
  Services& services = context.services();
  if (is_internal_topic(partition->name().topic) && context.request().client_id != kAdminToolClientId) {
    refuse(response, Error(ErrorCode::kInvalidTopicException, "clients may not write to an internal topic"));
    return std::nullopt;
  }
  if (const Result<void> leads = partition->check_leader(kNoLeaderEpoch); !leads) {
    refuse(response, leads.error());
    return std::nullopt;
  }
  record::ValidationRules rules = partition->rules();
  rules.allows_zstd = context.version() >= kFirstVersionWithZstd;
  const TimestampMs now = context.wall_ms();
  auto validated = record::validate(records.joined(), rules, now, services.codecs, services.scratch);
  if (!validated) {
    refuse(response, validated.error());
    tell_log_start(*partition, response);
    return std::nullopt;
  }
  const record::BatchView batch = validated->view();
  if (batch.is_transactional()) {
    refuse(response, Error(ErrorCode::kInvalidTxnState, "transactions are not served yet"));
    return std::nullopt;
  }
  const size_t bytes = validated->bytes.size();
  const auto record_count = static_cast<uint64_t>(batch.record_count());
  const Result<storage::AppendResult> appended =
      partition->append(std::move(validated->bytes), {.now = now, .origin = storage::AppendOrigin::kClient}, acks);
  if (!appended) {
    refuse(response, appended.error());
    tell_log_start(*partition, response);
    return std::nullopt;
  }
  response.base_offset = appended->base_offset;
  response.log_append_time_ms = appended->duplicate ? appended->append_time : validated->log_append_time;
  response.log_start_offset = partition->log_start_offset();
  if (!appended->duplicate) partition->traffic().count_in(record_count, bytes);
  return Pending{partition, appended->last_offset, partition->leader_epoch(), &response};
}

bool has_transactional_batch(const ProduceRequest& request) {
  for (const auto& topic : request.topic_data) {
    for (const auto& partition : topic.partition_data) {
      const SharedBytes records = partition.records.joined();
      if (records.size() < record::kHeaderBytes) continue;
      const record::BatchHeader header = record::BatchHeader::unchecked(records);
      if (header.magic() == record::kMagicV2 && header.is_transactional()) return true;
    }
  }
  return false;
}

// What is wrong with the whole request. Errors: kInvalidRequiredAcks, kTransactionalIdAuthorizationFailed.
Result<void> check(const ProduceRequest& request) {
  if (request.acks < kAcksAll || request.acks > kAcksLeader) return fail(ErrorCode::kInvalidRequiredAcks);
  if (!request.transactional_id && has_transactional_batch(request)) return fail(ErrorCode::kTransactionalIdAuthorizationFailed);
  return {};
}

void refuse_all(ProduceResponse& response, const Error& error) {
  for (auto& topic : response.responses) {
    for (PartitionResponse& partition : topic.partition_responses) refuse(partition, error);
  }
}

// One answer for each partition asked for, in the same order; addresses stay valid.
ProduceResponse outline(const ProduceRequest& request) {
  ProduceResponse response;
  response.responses.resize(request.topic_data.size());
  for (size_t t = 0; t < request.topic_data.size(); ++t) {
    response.responses[t].name = request.topic_data[t].name;
    response.responses[t].topic_id = request.topic_data[t].topic_id;
    response.responses[t].partition_responses.resize(request.topic_data[t].partition_data.size());
    for (size_t p = 0; p < request.topic_data[t].partition_data.size(); ++p) {
      response.responses[t].partition_responses[p].index = request.topic_data[t].partition_data[p].index;
    }
  }
  return response;
}

// Plain as `append` is: nothing of another request comes between.
std::vector<Pending> append_all(HandlerContext& context, const ProduceRequest& request, ProduceResponse& response) {
  std::vector<Pending> pending;
  for (size_t t = 0; t < request.topic_data.size(); ++t) {
    const auto& topic = request.topic_data[t];
    for (size_t p = 0; p < topic.partition_data.size(); ++p) {
      PartitionResponse& answer = response.responses[t].partition_responses[p];
      const auto& wanted = topic.partition_data[p];
      const Result<replication::PartitionRef> partition = resolve(context, topic, wanted.index);
      if (!partition) {
        refuse(answer, partition.error());
        continue;
      }
      std::optional<Pending> queued = append(context, *partition, wanted.records, request.acks, answer);
      if (queued) {
        pending.push_back(std::move(*queued));
      } else if (answer.error_code == ErrorCode::kNotLeaderOrFollower) {
        hint_leader(context, kProduceLeaderHint, **partition, answer.current_leader, response.node_endpoints);
      }
    }
  }
  return pending;
}

bool has_error(const ProduceResponse& response) {
  for (const auto& topic : response.responses) {
    for (const auto& partition : topic.partition_responses) {
      if (partition.error_code != ErrorCode::kNone) return true;
    }
  }
  return false;
}

}  // namespace

Task<ProduceResponse> produce(HandlerContext& context, const ProduceRequest& request) {
  ProduceResponse response = outline(request);
  std::vector<Pending> pending;
  if (const Result<void> sound = check(request); sound) pending = append_all(context, request, response);
  else refuse_all(response, sound.error());
  if (request.acks == kAcksNone) {
    context.suppress_response();
    if (has_error(response)) context.close_connection();
    // Nobody waits for these, but until they are written they count as a request in process: who sends faster than the disk
    // writes is slowed down, and does not fill the memory.
    for (const Pending& append : pending) {
      (void)co_await append.partition->written(append.last_offset, append.epoch, context.deadline_in(kUnacknowledgedMs));
    }
    co_return response;
  }
  const Deadline deadline = context.deadline_in(request.timeout_ms);
  for (Pending& append : pending) {
    Result<void> acknowledged;
    if (request.acks == kAcksAll) {
      acknowledged = co_await append.partition->committed(append.last_offset, append.epoch, deadline);
    } else {
      acknowledged = co_await append.partition->written(append.last_offset, append.epoch, deadline);
    }
    if (!acknowledged) refuse(*append.response, acknowledged.error());
  }
  co_return response;
}

}  // namespace weir::server
