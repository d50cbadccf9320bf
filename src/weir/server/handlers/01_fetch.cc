// Fetch 4-18: reads record batches from partitions this broker leads.
//   Waits until min_bytes are there, a partition has an error (one that is not here does not end the wait of the others, but its
//   deletion meanwhile does), or max_wait_ms is over (long poll on the high watermark or, for
//   read_committed, on the last stable offset). max_bytes and partition_max_bytes are soft: the first batch of the first
//   partition that has any is whole. Offsets inside a batch give the whole batch. While answers that nobody takes fill the budget
//   of answers, max_bytes shrinks to what is left of it.
//   7+ has sessions (fetch_session.h); 12+ finds where a follower's or consumer's log diverged; 13+ names topics by id.
//   A fetch of a follower (replica id >= 0) is answered NOT_LEADER_OR_FOLLOWER: this broker has no followers yet.
#include <optional>
#include <vector>

#include "weir/protocol/fetch.h"
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
  std::vector<FetchSlotRef> slots;         // that were looked at
  std::vector<PartitionData> partitions;   // one for each of them, in order
  std::vector<replication::PartitionRef> refs;
  size_t bytes = 0;
  size_t unknown = 0;                      // slots whose partition is not here: these alone do not end the wait
  bool answer_now = false;                 // any other error, or a divergence: the client must hear of it at once
};

std::vector<FetchWish> wishes_of(const FetchRequest& request) {
  std::vector<FetchWish> wishes;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      FetchWish wish;
      wish.key = {topic.topic_id, topic.topic, partition.partition};
      wish.fetch_offset = partition.fetch_offset;
      wish.log_start_offset = partition.log_start_offset;
      wish.current_leader_epoch = partition.current_leader_epoch;
      wish.last_fetched_epoch = partition.last_fetched_epoch;
      wish.bytes_max = partition.partition_max_bytes;
      wishes.push_back(std::move(wish));
    }
  }
  return wishes;
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
Result<std::optional<storage::EpochEnd>> divergence(const replication::Partition& partition, const FetchWish& wish) {
  if (wish.last_fetched_epoch == kNoLeaderEpoch) return std::nullopt;
  const storage::EpochEnd end = partition.log().end_offset_for_epoch(wish.last_fetched_epoch);
  if (end.end_offset == kNoOffset) return fail(ErrorCode::kOffsetOutOfRange);
  if (end.leader_epoch == wish.last_fetched_epoch && end.end_offset >= wish.fetch_offset) return std::nullopt;
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
  Result<replication::PartitionRef> partition = resolve(context, slot.wish.key);
  if (!partition) {
    // As Kafka: a session that has seen the topic is told that it is gone, not that its id was never known.
    const ErrorCode code = slot.was_known ? ErrorCode::kUnknownTopicOrPartition : partition.error().code();
    pass.partitions.push_back(failed(slot.wish.key.partition, code));
    pass.refs.emplace_back();
    ++pass.unknown;
    co_return;
  }
  pass.refs.push_back(*partition);
  slot.was_known = true;
  slot.follow(**partition);   // before it is read: what moves meanwhile makes the slot due again
  const Result<void> leads = (*partition)->check_leader(slot.wish.current_leader_epoch);
  if (!leads) {
    pass.partitions.push_back(failed(slot.wish.key.partition, leads.error().code()));
    pass.answer_now = true;
    co_return;
  }
  const Result<std::optional<storage::EpochEnd>> compared = divergence(**partition, slot.wish);
  if (!compared) {
    pass.partitions.push_back(failed(slot.wish.key.partition, compared.error().code()));
    pass.answer_now = true;
    co_return;
  }
  if (const std::optional<storage::EpochEnd>& diverged = *compared) {
    PartitionData data = failed(slot.wish.key.partition, ErrorCode::kNone);
    data.high_watermark = (*partition)->high_watermark();
    data.last_stable_offset = (*partition)->last_stable_offset();
    data.log_start_offset = (*partition)->log_start_offset();
    data.diverging_epoch = {.epoch = diverged->leader_epoch, .end_offset = diverged->end_offset};
    pass.partitions.push_back(std::move(data));
    pass.answer_now = true;
    co_return;
  }
  const size_t limit = std::min(room, static_cast<size_t>(std::max(slot.wish.bytes_max, 0)));
  Result<replication::FetchedRecords> fetched = co_await (*partition)->fetch(slot.wish.fetch_offset, isolation, limit, pass.bytes == 0, true);
  if (!fetched) {
    pass.partitions.push_back(failed(slot.wish.key.partition, fetched.error().code()));
    pass.answer_now = true;
    co_return;
  }
  PartitionData data = failed(slot.wish.key.partition, ErrorCode::kNone);
  data.high_watermark = fetched->high_watermark;
  data.last_stable_offset = fetched->last_stable_offset;
  data.log_start_offset = fetched->log_start_offset;
  if (fetched->aborted) {
    data.aborted_transactions.emplace();
    for (const storage::AbortedTransaction& aborted : *fetched->aborted) {
      data.aborted_transactions->push_back({.producer_id = aborted.producer_id, .first_offset = aborted.first_offset});
    }
  }
  if (fetched->file) data.records = protocol::Records(std::move(*fetched->file));
  for (SharedBytes& slice : fetched->slices) data.records.add(std::move(slice));
  pass.bytes += fetched->bytes;
  pass.partitions.push_back(std::move(data));
}

// Reads what `pass.slots` ask for.
Task<void> read_all(HandlerContext& context, Isolation isolation, size_t bytes_max, Pass& pass) {
  pass.partitions.reserve(pass.slots.size());
  pass.refs.reserve(pass.slots.size());
  for (const FetchSlotRef& slot : pass.slots) {
    const size_t room = bytes_max > pass.bytes ? bytes_max - pass.bytes : 0;
    co_await read_partition(context, *slot, isolation, room, pass);
  }
}

FetchOutcome outcome_of(const PartitionData& data) {
  return {.error = data.error_code,
          .high_watermark = data.high_watermark,
          .log_start = data.log_start_offset,
          .has_records = !data.records.empty(),
          .has_diverging_epoch = data.diverging_epoch.end_offset != kNoOffset};
}

// Whether a slot has nothing to read and nothing to be told until its partition moves.
bool is_settled(const FetchSlot& slot, const PartitionData& data, const replication::PartitionRef& ref, Isolation isolation) {
  if (!ref || data.error_code != ErrorCode::kNone || !data.records.empty()) return false;
  if (data.diverging_epoch.end_offset != kNoOffset || !ref->check_leader(slot.wish.current_leader_epoch)) return false;
  return slot.wish.fetch_offset >= ref->readable_end(isolation) && slot.was_told(ref->high_watermark(), ref->log_start_offset());
}

// Gives back what is not settled; what was not served comes before what was, so that every partition gets its turn.
void give_back_unsettled(FetchSession& session, const Pass& pass, Isolation isolation) {
  for (const bool served : {false, true}) {
    for (size_t i = 0; i < pass.slots.size(); ++i) {
      const bool was_looked_at = i < pass.partitions.size();
      const bool has_records = was_looked_at && !pass.partitions[i].records.empty();
      if (has_records != served) continue;
      if (was_looked_at && is_settled(*pass.slots[i], pass.partitions[i], pass.refs[i], isolation)) continue;
      session.give_back(*pass.slots[i]);
    }
  }
}

void count_out(const Pass& pass) {
  for (size_t i = 0; i < pass.slots.size(); ++i) {
    if (!pass.partitions[i].records.empty()) pass.refs[i]->traffic().bytes_out += pass.partitions[i].records.size();
  }
}

FetchResponse assemble(HandlerContext& context, const FetchContext& fetch, Pass pass, Isolation isolation) {
  FetchResponse response;
  response.session_id = fetch.session_id;
  count_out(pass);
  std::vector<bool> must_answer;
  must_answer.reserve(pass.slots.size());
  for (size_t i = 0; i < pass.slots.size(); ++i) {
    must_answer.push_back(pass.slots[i]->must_answer(fetch.is_incremental, outcome_of(pass.partitions[i])));
  }
  give_back_unsettled(*fetch.session, pass, isolation);
  for (size_t i = 0; i < pass.slots.size(); ++i) {
    if (!must_answer[i]) continue;
    const FetchKey& key = pass.slots[i]->wish.key;
    PartitionData& data = pass.partitions[i];
    // Without a reference the partition is not here yet, and nobody else is known to lead it.
    const bool led_elsewhere = data.error_code == ErrorCode::kNotLeaderOrFollower || data.error_code == ErrorCode::kFencedLeaderEpoch;
    if (led_elsewhere && pass.refs[i]) {
      hint_leader(context, kFetchLeaderHint, *pass.refs[i], data.current_leader, response.node_endpoints);
    }
    if (response.responses.empty() || response.responses.back().topic != key.topic || response.responses.back().topic_id != key.topic_id) {
      auto& topic = response.responses.emplace_back();
      topic.topic = key.topic;
      topic.topic_id = key.topic_id;
    }
    response.responses.back().partitions.push_back(std::move(data));
  }
  return response;
}

// The slots that a request has taken from its session, with what it read of them. Gives them back, whatever ends the request.
class Taken {
 public:
  Taken(const FetchContext& fetch, Isolation isolation) : fetch_(fetch), isolation_(isolation) {}
  Taken(const Taken&) = delete;
  Taken& operator=(const Taken&) = delete;
  ~Taken() { give_back(); }

  Task<void> look(HandlerContext& context, size_t bytes_max) {
    WEIR_ASSERT(pass.slots.empty());
    std::vector<FetchSlotRef> due = fetch_.session->take_due();
    pass.slots = fetch_.is_incremental ? std::move(due) : fetch_.all;   // a full answer names every slot
    co_await read_all(context, isolation_, bytes_max, pass);
  }
  void give_back() {
    give_back_unsettled(*fetch_.session, pass, isolation_);
    pass = Pass();
  }
  Pass finish() { return std::exchange(pass, Pass()); }

  Pass pass;

 private:
  const FetchContext& fetch_;
  Isolation isolation_;
};

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
  Result<FetchContext> fetch = services.fetch_sessions.begin(request.session_id, request.session_epoch, uses_topic_ids,
                                                             wishes_of(request), forgotten_of(request), context.now());
  if (!fetch) {
    FetchResponse response;
    response.error_code = fetch.error().code();
    co_return response;
  }
  FetchSession& session = *fetch->session;
  const auto isolation = request.isolation_level == 1 ? Isolation::kReadCommitted : Isolation::kReadUncommitted;
  session.set_isolation(isolation);
  const auto bytes_asked = static_cast<size_t>(std::max(0, std::min(request.max_bytes, services.options.fetch_max_bytes)));
  const auto bytes_max = [&] { return std::min(bytes_asked, services.bytes.answers.room()); };
  const auto bytes_min = std::min(bytes_asked, static_cast<size_t>(std::max(0, request.min_bytes)));
  const Deadline deadline = context.deadline_in(request.max_wait_ms);

  Taken taken(*fetch, isolation);
  FetchWaiter waiter;
  session.await(waiter);
  std::optional<size_t> unknown_at_first;
  const auto enough = [&] {
    const Pass& pass = taken.pass;
    const bool nothing_to_wait_for = pass.unknown == session.size() || pass.unknown != *unknown_at_first;
    const bool has_what_fits = pass.bytes > 0 && pass.bytes >= bytes_max();
    return pass.bytes >= bytes_min || has_what_fits || pass.answer_now || nothing_to_wait_for;
  };
  for (bool is_last = request.max_wait_ms <= 0;;) {
    waiter.progress.reset();
    co_await taken.look(context, bytes_max());
    if (!unknown_at_first) unknown_at_first = taken.pass.unknown;
    if (is_last || enough()) break;
    taken.give_back();   // too little to answer is not held while waiting, which may be long
    const Result<void> woken = co_await waiter.progress.wait(context.executor(), deadline, context.request().stop);
    is_last = !woken;
  }
  co_return assemble(context, *fetch, taken.finish(), isolation);
}

}  // namespace weir::server
