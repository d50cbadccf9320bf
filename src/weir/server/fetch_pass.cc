#include "weir/server/fetch_pass.h"

#include <algorithm>

namespace weir::server {
namespace {

constexpr int16_t kFirstPassByTopicId = 13;
constexpr Offset kNoHighWatermark{-1};

FetchPartitionData watermarks_of(const replication::Partition& partition, PartitionIndex index) {
  FetchPartitionData data = refused_fetch(index, ErrorCode::kNone);
  data.high_watermark = partition.high_watermark();
  data.last_stable_offset = partition.last_stable_offset();
  data.log_start_offset = partition.log_start_offset();
  return data;
}

// The end of the newest epoch both sides know, when the fetcher's log is not a prefix of ours (KIP-595).
// Errors: kOffsetOutOfRange, when the fetcher's epoch is newer than any of this log.
Result<std::optional<storage::EpochEnd>> divergence(const replication::Partition& partition, const FetchWish& wish) {
  if (wish.last_fetched_epoch == kNoLeaderEpoch) return std::nullopt;
  const storage::EpochEnd end = partition.log().end_offset_for_epoch(wish.last_fetched_epoch);
  if (end.end_offset == kNoOffset) return fail(ErrorCode::kOffsetOutOfRange);
  if (end.leader_epoch == wish.last_fetched_epoch && end.end_offset >= wish.fetch_offset) return std::nullopt;
  return end;
}

FetchPartitionData data_of(replication::FetchedRecords fetched, PartitionIndex index) {
  FetchPartitionData data = refused_fetch(index, ErrorCode::kNone);
  data.high_watermark = fetched.high_watermark;
  data.last_stable_offset = fetched.last_stable_offset;
  data.log_start_offset = fetched.log_start_offset;
  if (fetched.aborted) {
    data.aborted_transactions.emplace();
    for (const storage::AbortedTransaction& aborted : *fetched.aborted) {
      data.aborted_transactions->push_back({.producer_id = aborted.producer_id, .first_offset = aborted.first_offset});
    }
  }
  if (fetched.file) data.records = protocol::Records(std::move(*fetched.file));
  for (SharedBytes& slice : fetched.slices) data.records.add(std::move(slice));
  return data;
}

bool has_diverged(const FetchPartitionData& data) { return data.diverging_epoch.end_offset != kNoOffset; }

FetchOutcome outcome_of(const FetchPartitionData& data) {
  return {.error = data.error_code,
          .high_watermark = data.high_watermark,
          .log_start = data.log_start_offset,
          .has_records = !data.records.empty(),
          .has_diverging_epoch = has_diverged(data)};
}

}  // namespace

FetchPartitionData refused_fetch(PartitionIndex index, ErrorCode error) {
  FetchPartitionData data;
  data.partition_index = index;
  data.error_code = error;
  data.high_watermark = kNoHighWatermark;
  // As Kafka says it: a list where nothing was looked up, none where the log was asked.
  const bool was_looked_up = error != ErrorCode::kUnknownTopicOrPartition && error != ErrorCode::kUnknownTopicId;
  if (was_looked_up) data.aborted_transactions.reset();
  data.records = protocol::Records();
  return data;
}

Task<void> FetchPass::look(size_t bytes_max) {
  WEIR_ASSERT(partitions_.empty(), partitions_.size());
  std::vector<CachedPartitionRef> due = fetch_.session->take_due();
  const std::vector<CachedPartitionRef>& wanted = fetch_.is_incremental ? due : fetch_.all;   // a full answer names all
  partitions_.reserve(wanted.size());
  for (const CachedPartitionRef& cached : wanted) partitions_.push_back({.cached = cached, .partition = {}, .answer = {}});
  for (FetchedPartition& one : partitions_) {
    const size_t room = bytes_max > bytes_ ? bytes_max - bytes_ : 0;
    co_await look_at(one, room);
    one.was_read = true;
  }
}

Task<void> FetchPass::look_at(FetchedPartition& one, size_t room) {
  CachedPartition& cached = *one.cached;
  const Result<replication::PartitionRef> partition = resolve(cached.wish.key);
  if (!partition) {
    // As Kafka: a session that has seen the topic is told that it is gone, not that its id was never known.
    const ErrorCode code = cached.was_known ? ErrorCode::kUnknownTopicOrPartition : partition.error().code();
    one.answer = refused_fetch(cached.wish.key.partition, code);
    ++unknown_;
    co_return;
  }
  one.partition = *partition;
  cached.was_known = true;
  cached.follow(**partition);   // before it is read: what moves meanwhile makes it due again
  Result<FetchPartitionData> read_now = co_await read(**partition, cached.wish, room);
  if (read_now) {
    one.answer = std::move(*read_now);
    bytes_ += one.answer.records.size();
  } else {
    one.answer = refused_fetch(cached.wish.key.partition, read_now.error().code());
  }
  if (!read_now || has_diverged(one.answer)) must_answer_now_ = true;
}

Result<replication::PartitionRef> FetchPass::resolve(const FetchKey& key) const {
  return context_.version() >= kFirstPassByTopicId ? context_.partition(key.topic_id, key.partition)
                                                   : context_.partition(key.topic, key.partition);
}

// Errors: what the partition has against being read as `wish` says. `wish` may change meanwhile, by a later request of the session.
Task<Result<FetchPartitionData>> FetchPass::read(replication::Partition& partition, const FetchWish& wish, size_t room) {
  const PartitionIndex index = wish.key.partition;
  WEIR_CO_CHECK(partition.check_leader(wish.current_leader_epoch));
  WEIR_CO_TRY(const std::optional<storage::EpochEnd> diverged, divergence(partition, wish));
  if (diverged) {
    FetchPartitionData data = watermarks_of(partition, index);
    data.diverging_epoch = {.epoch = diverged->leader_epoch, .end_offset = diverged->end_offset};
    co_return data;
  }
  const size_t limit = std::min(room, static_cast<size_t>(std::max(wish.bytes_max, 0)));
  const bool is_at_records = wish.fetch_offset < partition.readable_end(isolation_);
  WEIR_CO_TRY(replication::FetchedRecords fetched, co_await partition.fetch(wish.fetch_offset, isolation_, limit, bytes_ == 0, true));
  FetchPartitionData data = data_of(std::move(fetched), index);
  // As Kafka says it: no list, rather than an empty one, where the first batch is larger than the room.
  if (is_at_records && data.records.empty() && limit > 0) data.aborted_transactions.reset();
  co_return data;
}

bool FetchPass::is_settled(const FetchedPartition& one) const {
  const FetchPartitionData& data = one.answer;
  if (!one.was_read || !one.partition || data.error_code != ErrorCode::kNone || !data.records.empty() || has_diverged(data)) return false;
  const FetchWish& wish = one.cached->wish;
  if (!one.partition->check_leader(wish.current_leader_epoch)) return false;
  return wish.fetch_offset >= one.partition->readable_end(isolation_) &&
         one.cached->was_told(one.partition->high_watermark(), one.partition->log_start_offset());
}

void FetchPass::return_unsettled() const {
  // What was not served comes before what was, so that every partition gets its turn.
  for (const bool served : {false, true}) {
    for (const FetchedPartition& one : partitions_) {
      const bool has_records = one.was_read && !one.answer.records.empty();
      if (has_records == served && !is_settled(one)) fetch_.session->give_back(*one.cached);
    }
  }
}

void FetchPass::give_back() {
  return_unsettled();
  partitions_.clear();
  bytes_ = unknown_ = 0;
  must_answer_now_ = false;
}

std::vector<FetchedPartition> FetchPass::finish() {
  for (FetchedPartition& one : partitions_) {
    one.must_answer = one.cached->must_answer(fetch_.is_incremental, outcome_of(one.answer));
    if (!one.answer.records.empty()) one.partition->traffic().bytes_out += one.answer.records.size();
  }
  return_unsettled();
  std::vector<FetchedPartition> named = std::exchange(partitions_, {});
  std::erase_if(named, [](const FetchedPartition& one) { return !one.must_answer; });
  return named;
}

}  // namespace weir::server
