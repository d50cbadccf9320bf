// OffsetCommit 2-10: stores a group's positions; answered when they are committed.
//   Who has no generation and finds the group empty commits as a simple consumer, which makes the group.
//   2-4 may ask for a retention of their own. 10 names topics by id: UNKNOWN_TOPIC_ID; before, UNKNOWN_TOPIC_OR_PARTITION.
//   OFFSET_METADATA_TOO_LARGE fails its partition; what the group says fails all whose topics are known. A request that names
//   no known partition never reaches the group, and so makes none.
#include <algorithm>

#include "weir/protocol/offset_commit.h"
#include "weir/coordinator/group_coordinator.h"
#include "weir/server/handlers/handlers.h"

namespace weir::server {
namespace {

using protocol::OffsetCommitRequest;
using protocol::OffsetCommitResponse;

constexpr int16_t kFirstCommitByTopicId = 10;
// Before it there was no GROUP_ID_NOT_FOUND: a generation of a group that is not there was an old one.
constexpr int16_t kFirstCommitWithMemberEpoch = 9;

// Where the answer goes of a partition that the group has a say about.
struct CommitSlot {
  size_t topic;
  size_t partition;
};

// The limit counts as Java does: in UTF-16 units, so that a text which is no longer than that in characters passes.
bool is_too_long(std::string_view metadata, int32_t units_max) {
  if (metadata.size() <= static_cast<size_t>(units_max)) return false;  // never fewer bytes than units
  const auto units = [](char c) { return (c & 0xC0) == 0x80 ? 0 : (c & 0xF8) == 0xF0 ? 2 : 1; };
  int64_t length = 0;
  for (const char c : metadata) length += units(c);
  return length > units_max;
}

// Puts what can be committed into `commit`, and an answer for each partition into `response`. Returns those that the group has a
// say about.
std::vector<CommitSlot> gather(const HandlerContext& context, const OffsetCommitRequest& request, coordinator::Commit& commit,
                               OffsetCommitResponse& response) {
  const bool by_id = context.version() >= kFirstCommitByTopicId;
  const int32_t metadata_units_max = context.services().groups.options().metadata_bytes_max;
  const TimestampMs now = context.wall_ms();
  std::vector<CommitSlot> slots;
  for (const auto& topic : request.topics) {
    const metadata::Topic* known = by_id ? context.image().topic(topic.topic_id) : context.image().topic(topic.name);
    auto& answered = response.topics.emplace_back();
    answered.name = topic.name;
    answered.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      auto& answer = answered.partitions.emplace_back();
      answer.partition_index = partition.partition_index;
      if (known == nullptr || known->partition(partition.partition_index) == nullptr) {
        answer.error_code = known == nullptr && by_id ? ErrorCode::kUnknownTopicId : ErrorCode::kUnknownTopicOrPartition;
        continue;
      }
      slots.push_back({response.topics.size() - 1, answered.partitions.size() - 1});
      std::string metadata = partition.committed_metadata.value_or("");
      if (is_too_long(metadata, metadata_units_max)) {
        answer.error_code = ErrorCode::kOffsetMetadataTooLarge;
        continue;
      }
      coordinator::CommittedOffset committed{.offset = partition.committed_offset,
                                             .leader_epoch = partition.committed_leader_epoch,
                                             .metadata = std::move(metadata),
                                             .commit_time = now,
                                             .topic_id = known->id};
      // A retention beyond the end of time is for ever.
      if (request.retention_time_ms >= 0) committed.expire_time = now + std::min(request.retention_time_ms, INT64_MAX - now);
      commit.changes.push_back({{known->name, partition.partition_index}, std::move(committed)});
    }
  }
  return slots;
}

}  // namespace

Task<OffsetCommitResponse> offset_commit(HandlerContext& context, const OffsetCommitRequest& request) {
  OffsetCommitResponse response;
  coordinator::Commit commit{.group = request.group_id,
                             .who = {request.member_id, request.group_instance_id},
                             .generation = request.generation_id_or_member_epoch};
  const std::vector<CommitSlot> slots = gather(context, request, commit, response);
  if (slots.empty()) co_return response;
  const Result<void> stored = co_await context.services().groups.commit(std::move(commit));
  if (stored) co_return response;
  ErrorCode refused = stored.error().code();
  if (refused == ErrorCode::kGroupIdNotFound && context.version() < kFirstCommitWithMemberEpoch) refused = ErrorCode::kIllegalGeneration;
  for (const CommitSlot& slot : slots) response.topics[slot.topic].partitions[slot.partition].error_code = refused;
  co_return response;
}

}  // namespace weir::server
