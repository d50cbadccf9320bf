// DeleteRecords 0-2: moves the start of partitions forward, dropping what lies before.
//   Offset -1 means the high watermark; beyond it, or below -1: OFFSET_OUT_OF_RANGE. An offset before the start changes nothing
//   and is answered with the start. A topic whose cleanup.policy has no "delete": POLICY_VIOLATION. Internal topics:
//   INVALID_TOPIC_EXCEPTION. Partitions fail one by one. A partition named twice is done once, with its last offset.
//   While others have the files of a log, timeout_ms is how long it is waited for: then REQUEST_TIMED_OUT, and nothing changed.
//   The answer comes when the new starts survive a crash; the files go in the background.
#include <map>

#include "weir/base/internal_topics.h"
#include "weir/protocol/delete_records.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using replication::PartitionRef;
using DeleteRecordsAnswer = protocol::DeleteRecordsResponse::DeleteRecordsPartitionResult;

constexpr int64_t kNoLowWatermark = -1;

Task<Result<Offset>> delete_before(HandlerContext& context, std::string topic, PartitionIndex index, Offset target, Deadline deadline) {
  WEIR_CO_TRY(const PartitionRef partition, context.partition(topic, index));
  if (is_internal_topic(topic)) co_return fail(ErrorCode::kInvalidTopicException);
  co_return co_await partition->delete_records(target, deadline);
}

}  // namespace

Task<protocol::DeleteRecordsResponse> delete_records(HandlerContext& context, const protocol::DeleteRecordsRequest& request) {
  std::map<std::string, std::map<PartitionIndex, Offset>> targets;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) targets[topic.name][partition.partition_index] = partition.offset;
  }
  const Deadline deadline = context.deadline_in(request.timeout_ms);
  protocol::DeleteRecordsResponse response;
  for (const auto& [name, partitions] : targets) {
    auto& answered = response.topics.emplace_back();
    answered.name = name;
    for (const auto& [index, target] : partitions) {
      const Result<Offset> start = co_await delete_before(context, name, index, target, deadline);
      answered.partitions.push_back({.partition_index = index,
                                     .low_watermark = start ? start->value() : kNoLowWatermark,
                                     .error_code = start ? ErrorCode::kNone : start.error().code()});
    }
  }
  const Result<void> saved = co_await context.services().logs.save_start_offsets();
  if (saved) co_return response;
  for (auto& topic : response.topics) {
    for (DeleteRecordsAnswer& partition : topic.partitions) {
      if (partition.error_code == ErrorCode::kNone) partition = {.partition_index = partition.partition_index,
                                                                 .low_watermark = kNoLowWatermark,
                                                                 .error_code = ErrorCode::kKafkaStorageError};
    }
  }
  co_return response;
}

}  // namespace weir::server
