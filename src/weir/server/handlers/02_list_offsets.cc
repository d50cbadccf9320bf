// ListOffsets 1-11: offsets by timestamp or by a special mark.
//   -1 latest: the end a reader of that isolation sees. -2 earliest. -3 (7+) the record with the largest timestamp. -4 (8+)
//   earliest on local disk: as -2, nothing is tiered. -5 (9+) latest tiered and -6 (11+) earliest pending upload: none, offset
//   -1. A mark that the version lacks, or that is none: UNSUPPORTED_VERSION for the partition. By time: the first record at or
//   after it with its own timestamp; none: offset -1, timestamp -1, no error. A partition named twice: one INVALID_REQUEST.
#include <map>

#include "weir/protocol/list_offsets.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using protocol::ListOffsetsRequest;
using protocol::ListOffsetsResponse;
using replication::Isolation;

constexpr int16_t kFirstOffsetsWithEpoch = 4;
constexpr int16_t kInNoVersion = INT16_MAX;
constexpr int64_t kWrittenMs = 30'000;  // for the record with the largest timestamp, which may wait for space

constexpr int64_t kLatest = -1;
constexpr int64_t kEarliest = -2;
constexpr int64_t kMaxTimestamp = -3;
constexpr int64_t kEarliestLocal = -4;
constexpr int64_t kLatestTiered = -5;
constexpr int64_t kEarliestPendingUpload = -6;

int16_t first_version_of(int64_t mark) {
  switch (mark) {
    case kMaxTimestamp: return 7;
    case kEarliestLocal: return 8;
    case kLatestTiered: return 9;
    case kEarliestPendingUpload: return 11;
    default: return mark < kEarliestPendingUpload ? kInNoVersion : int16_t{1};
  }
}

storage::TimestampOffset at(const replication::Partition& partition, Offset offset) {
  return {.timestamp = kNoTimestamp, .offset = offset, .leader_epoch = partition.log().epoch_at(offset)};
}

Task<Result<storage::TimestampOffset>> find(HandlerContext& context, replication::PartitionRef partition, int64_t timestamp, Isolation isolation) {
  codec::Codecs& codecs = context.services().codecs;
  std::optional<storage::TimestampOffset> found;
  switch (timestamp) {
    case kLatest: {
      storage::TimestampOffset latest = at(*partition, partition->readable_end(isolation));
      latest.leader_epoch = partition->log().latest_epoch();
      co_return latest;
    }
    case kEarliest:
    case kEarliestLocal: co_return at(*partition, partition->log_start_offset());
    case kLatestTiered:
    case kEarliestPendingUpload: co_return storage::TimestampOffset();
    case kMaxTimestamp: {
      const auto largest = co_await partition->log().max_timestamp(codecs, context.deadline_in(kWrittenMs));
      if (!largest && largest.error().code() == ErrorCode::kDeadlineExceeded) co_return fail(ErrorCode::kRequestTimedOut);
      WEIR_CO_TRY(found, largest);
      break;
    }
    default: {
      WEIR_CO_TRY(found, co_await partition->log().offset_for_timestamp(timestamp, partition->readable_end(isolation), codecs));
      break;
    }
  }
  co_return found.value_or(storage::TimestampOffset());
}

Task<Result<storage::TimestampOffset>> look_up(HandlerContext& context, const std::string& topic,
                                               const ListOffsetsRequest::ListOffsetsPartition& wanted, Isolation isolation) {
  if (context.version() < first_version_of(wanted.timestamp)) co_return fail(ErrorCode::kUnsupportedVersion);
  WEIR_CO_TRY(const replication::PartitionRef partition, context.partition(topic, wanted.partition_index));
  WEIR_CO_CHECK(partition->check_leader(wanted.current_leader_epoch));
  co_return co_await find(context, partition, wanted.timestamp, isolation);
}

// How often each partition is named.
std::map<std::pair<std::string_view, PartitionIndex>, size_t> count_names(const ListOffsetsRequest& request) {
  std::map<std::pair<std::string_view, PartitionIndex>, size_t> times;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) ++times[{topic.name, partition.partition_index}];
  }
  return times;
}

}  // namespace

Task<ListOffsetsResponse> list_offsets(HandlerContext& context, const ListOffsetsRequest& request) {
  ListOffsetsResponse response;
  const auto isolation = request.isolation_level == 1 ? Isolation::kReadCommitted : Isolation::kReadUncommitted;
  auto unanswered = count_names(request);
  for (const auto& topic : request.topics) {
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    for (const auto& wanted : topic.partitions) {
      const size_t times = std::exchange(unanswered.at({topic.name, wanted.partition_index}), 0);
      if (times == 0) continue;
      Result<storage::TimestampOffset> found = fail(ErrorCode::kInvalidRequest);
      if (times == 1) found = co_await look_up(context, topic.name, wanted, isolation);
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = wanted.partition_index;
      if (!found) {
        answer.error_code = found.error().code();
        continue;
      }
      answer.timestamp = found->timestamp;
      answer.offset = found->offset;
      if (context.version() >= kFirstOffsetsWithEpoch) answer.leader_epoch = found->leader_epoch;
    }
  }
  co_return response;
}

}  // namespace weir::server
