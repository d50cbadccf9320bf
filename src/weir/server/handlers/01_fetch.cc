// Fetch 4-18: reads record batches from partitions this broker leads.
//   Waits until min_bytes are there, a partition has an error (one that is not here does not end the wait of the others, but its
//   deletion meanwhile does), or max_wait_ms is over (long poll on the high watermark or, for
//   read_committed, on the last stable offset). max_bytes and partition_max_bytes are soft: the first batch of the first
//   partition that has any is whole. Offsets inside a batch give the whole batch. While answers that nobody takes fill the budget
//   of answers, max_bytes shrinks to what is left of it.
//   7+ has sessions (fetch_session.h); 12+ finds where a follower's or consumer's log diverged; 13+ names topics by id.
//   A fetch of a follower (replica id >= 0) is answered NOT_LEADER_OR_FOLLOWER: this broker has no followers yet.
#include <deque>
#include <vector>

#include "weir/protocol/fetch.h"
#include "weir/runtime/event.h"
#include "weir/server/handlers/handlers.h"
#include "weir/server/leader_hint.h"

namespace weir::server {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using PartitionData = FetchResponse::PartitionData;
using replication::Isolation;

constexpr int16_t kFirstFetchWithTopicIds = 13;
constexpr int16_t kFirstVersionWithReplicaState = 15;
constexpr LeaderHintVersions kFetchLeaderHint{.leader = 12, .endpoint = 16};
constexpr Offset kNoHighWatermark{-1};

// What one pass over the partitions read.
struct Pass {
  std::vector<PartitionData> partitions;   // one for each slot, in order
  std::vector<replication::PartitionRef> refs;
  size_t bytes = 0;
  size_t unknown = 0;                      // slots whose partition is not here: these alone do not end the wait
  bool answer_now = false;                 // any other error, or a divergence: the client must hear of it at once
};

struct Wake final : replication::PartitionWatch {
  explicit Wake(runtime::Event& event) : event(event) {}
  void on_progress() override { event.set(); }
  runtime::Event& event;
};

std::vector<FetchSlot> slots_of(const FetchRequest& request) {
  std::vector<FetchSlot> slots;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      FetchSlot slot;
      slot.key = {topic.topic_id, topic.topic, partition.partition};
      slot.fetch_offset = partition.fetch_offset;
      slot.log_start_offset = partition.log_start_offset;
      slot.current_leader_epoch = partition.current_leader_epoch;
      slot.last_fetched_epoch = partition.last_fetched_epoch;
      slot.bytes_max = partition.partition_max_bytes;
      slots.push_back(std::move(slot));
    }
  }
  return slots;
}

std::vector<FetchKey> forgotten_of(const FetchRequest& request) {
  std::vector<FetchKey> keys;
  for (const auto& topic : request.forgotten_topics_data) {
    for (const PartitionIndex partition : topic.partitions) keys.push_back({topic.topic_id, topic.topic, partition});
  }
  return keys;
}

PartitionData failed(PartitionIndex index, ErrorCode error) {
  PartitionData data;
  data.partition_index = index;
  data.error_code = error;
  data.high_watermark = kNoHighWatermark;
  // As Kafka says it: a list where nothing was looked up, none where the log was asked.
  const bool was_looked_up = error != ErrorCode::kUnknownTopicOrPartition && error != ErrorCode::kUnknownTopicId;
  if (was_looked_up) data.aborted_transactions.reset();
  data.records = protocol::Records();
  return data;
}

// The end of the newest epoch both sides know, when the fetcher's log is not a prefix of ours (KIP-595).
// Errors: kOffsetOutOfRange, when the fetcher's epoch is newer than any of this log.
Result<std::optional<storage::EpochEnd>> divergence(const replication::Partition& partition, const FetchSlot& slot) {
  if (slot.last_fetched_epoch == kNoLeaderEpoch) return std::nullopt;
  const storage::EpochEnd end = partition.log().end_offset_for_epoch(slot.last_fetched_epoch);
  if (end.end_offset == kNoOffset) return fail(ErrorCode::kOffsetOutOfRange);
  if (end.leader_epoch == slot.last_fetched_epoch && end.end_offset >= slot.fetch_offset) return std::nullopt;
  return end;
}

Result<replication::PartitionRef> resolve(HandlerContext& context, const FetchKey& key) {
  replication::PartitionManager& partitions = context.services().partitions;
  const bool by_id = context.version() >= kFirstFetchWithTopicIds;
  if (by_id && context.image().topic(key.topic_id) == nullptr) return fail(ErrorCode::kUnknownTopicId);
  replication::PartitionRef found = by_id ? partitions.find(key.topic_id, key.partition) : partitions.find(key.topic, key.partition);
  if (!found) return fail(by_id ? partitions.absence(key.topic_id, key.partition) : partitions.absence(key.topic, key.partition));
  return found;
}

Task<void> read_partition(HandlerContext& context, FetchSlot& slot, Isolation isolation, size_t room, Pass& pass) {
  Result<replication::PartitionRef> partition = resolve(context, slot.key);
  if (!partition) {
    // As Kafka: a session that has seen the topic is told that it is gone, not that its id was never known.
    const ErrorCode code = slot.was_known ? ErrorCode::kUnknownTopicOrPartition : partition.error().code();
    pass.partitions.push_back(failed(slot.key.partition, code));
    pass.refs.emplace_back();
    ++pass.unknown;
    co_return;
  }
  pass.refs.push_back(*partition);
  slot.was_known = true;
  const Result<void> leads = (*partition)->check_leader(slot.current_leader_epoch);
  if (!leads) {
    pass.partitions.push_back(failed(slot.key.partition, leads.error().code()));
    pass.answer_now = true;
    co_return;
  }
  const Result<std::optional<storage::EpochEnd>> compared = divergence(**partition, slot);
  if (!compared) {
    pass.partitions.push_back(failed(slot.key.partition, compared.error().code()));
    pass.answer_now = true;
    co_return;
  }
  if (const std::optional<storage::EpochEnd>& diverged = *compared) {
    PartitionData data = failed(slot.key.partition, ErrorCode::kNone);
    data.high_watermark = (*partition)->high_watermark();
    data.last_stable_offset = (*partition)->last_stable_offset();
    data.log_start_offset = (*partition)->log_start_offset();
    data.diverging_epoch = {.epoch = diverged->leader_epoch, .end_offset = diverged->end_offset};
    pass.partitions.push_back(std::move(data));
    pass.answer_now = true;
    co_return;
  }
  const size_t limit = std::min(room, static_cast<size_t>(std::max(slot.bytes_max, 0)));
  Result<replication::FetchedRecords> fetched = co_await (*partition)->fetch(slot.fetch_offset, isolation, limit, pass.bytes == 0);
  if (!fetched) {
    pass.partitions.push_back(failed(slot.key.partition, fetched.error().code()));
    pass.answer_now = true;
    co_return;
  }
  PartitionData data = failed(slot.key.partition, ErrorCode::kNone);
  data.high_watermark = fetched->high_watermark;
  data.last_stable_offset = fetched->last_stable_offset;
  data.log_start_offset = fetched->log_start_offset;
  if (fetched->aborted) {
    data.aborted_transactions.emplace();
    for (const storage::AbortedTransaction& aborted : *fetched->aborted) {
      data.aborted_transactions->push_back({.producer_id = aborted.producer_id, .first_offset = aborted.first_offset});
    }
  }
  for (SharedBytes& slice : fetched->slices) data.records.add(std::move(slice));
  pass.bytes += fetched->bytes;
  pass.partitions.push_back(std::move(data));
}

Task<Pass> read_all(HandlerContext& context, const FetchContext& fetch, Isolation isolation, size_t bytes_max) {
  Pass pass;
  pass.partitions.reserve(fetch.slots.size());
  pass.refs.reserve(fetch.slots.size());
  for (const FetchSlotRef& slot : fetch.slots) {
    const size_t room = bytes_max > pass.bytes ? bytes_max - pass.bytes : 0;
    co_await read_partition(context, *slot, isolation, room, pass);
  }
  co_return pass;
}

FetchOutcome outcome_of(const PartitionData& data) {
  return {.error = data.error_code,
          .high_watermark = data.high_watermark,
          .log_start = data.log_start_offset,
          .has_records = !data.records.empty(),
          .has_diverging_epoch = data.diverging_epoch.end_offset != kNoOffset};
}

FetchResponse assemble(HandlerContext& context, const FetchContext& fetch, Pass pass) {
  FetchResponse response;
  response.session_id = fetch.session_id;
  std::vector<FetchSlotRef> served;
  for (size_t i = 0; i < fetch.slots.size(); ++i) {
    FetchSlot& slot = *fetch.slots[i];
    PartitionData& data = pass.partitions[i];
    if (!data.records.empty()) {
      served.push_back(fetch.slots[i]);
      pass.refs[i]->traffic().bytes_out += data.records.size();
    }
    if (!FetchSessionCache::must_answer(fetch, slot, outcome_of(data))) continue;
    // Without a reference the partition is not here yet, and nobody else is known to lead it.
    const bool led_elsewhere = data.error_code == ErrorCode::kNotLeaderOrFollower || data.error_code == ErrorCode::kFencedLeaderEpoch;
    if (led_elsewhere && pass.refs[i]) {
      hint_leader(context, kFetchLeaderHint, *pass.refs[i], data.current_leader, response.node_endpoints);
    }
    if (response.responses.empty() || response.responses.back().topic != slot.key.topic ||
        response.responses.back().topic_id != slot.key.topic_id) {
      auto& topic = response.responses.emplace_back();
      topic.topic = slot.key.topic;
      topic.topic_id = slot.key.topic_id;
    }
    response.responses.back().partitions.push_back(std::move(data));
  }
  FetchSessionCache::rotate(fetch, served);
  return response;
}

bool is_follower(const HandlerContext& context, const FetchRequest& request) {
  const BrokerId replica = context.version() >= kFirstVersionWithReplicaState ? request.replica_state.replica_id : request.replica_id;
  return replica >= BrokerId(0);
}

FetchResponse refuse_follower(const FetchRequest& request) {
  FetchResponse response;
  for (const auto& topic : request.topics) {
    auto& refused = response.responses.emplace_back();
    refused.topic = topic.topic;
    refused.topic_id = topic.topic_id;
    for (const auto& partition : topic.partitions) {
      refused.partitions.push_back(failed(partition.partition, ErrorCode::kNotLeaderOrFollower));
    }
  }
  return response;
}

}  // namespace

Task<FetchResponse> fetch(HandlerContext& context, const FetchRequest& request) {
  Services& services = context.services();
  if (is_follower(context, request)) co_return refuse_follower(request);
  const bool uses_topic_ids = context.version() >= kFirstFetchWithTopicIds;
  Result<FetchContext> fetch = services.fetch_sessions.begin(request.session_id, request.session_epoch, uses_topic_ids, slots_of(request),
                                                             forgotten_of(request), context.now());
  if (!fetch) {
    FetchResponse response;
    response.error_code = fetch.error().code();
    co_return response;
  }
  const auto isolation = request.isolation_level == 1 ? Isolation::kReadCommitted : Isolation::kReadUncommitted;
  const auto bytes_asked = static_cast<size_t>(std::max(0, std::min(request.max_bytes, services.options.fetch_max_bytes)));
  const auto bytes_max = [&] { return std::min(bytes_asked, services.bytes.answers.room()); };
  const auto bytes_min = std::min(bytes_asked, static_cast<size_t>(std::max(0, request.min_bytes)));
  const Deadline deadline = context.deadline_in(request.max_wait_ms);

  Pass pass = co_await read_all(context, *fetch, isolation, bytes_max());
  const size_t unknown_at_first = pass.unknown;
  const auto enough = [&] {
    const bool nothing_to_wait_for = pass.unknown == fetch->slots.size() || pass.unknown != unknown_at_first;
    const bool has_what_fits = pass.bytes > 0 && pass.bytes >= bytes_max();
    return pass.bytes >= bytes_min || has_what_fits || pass.answer_now || nothing_to_wait_for;
  };
  if (enough() || request.max_wait_ms <= 0) co_return assemble(context, *fetch, std::move(pass));

  runtime::Event progress;
  std::deque<Wake> wakes;
  std::vector<replication::PartitionRef> watched = pass.refs;
  for (const replication::PartitionRef& partition : watched) {
    if (!partition) continue;
    wakes.emplace_back(progress);
    partition->watch(wakes.back());
  }
  for (bool is_last = false;;) {
    // Read again after watching: what moved while the first pass waited for a disk must not be missed.
    progress.reset();
    pass = co_await read_all(context, *fetch, isolation, bytes_max());
    if (is_last || enough()) break;
    // Too little to answer is not held while waiting, which may be long.
    const bool is_held = pass.bytes == 0;
    if (!is_held) pass.partitions.clear();
    const Result<void> woken = co_await progress.wait(context.executor(), deadline, context.request().stop);
    if (!woken && is_held) break;
    is_last = !woken;
  }
  co_return assemble(context, *fetch, std::move(pass));
}

}  // namespace weir::server
