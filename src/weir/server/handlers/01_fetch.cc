// Fetch 4-18: reads record batches from partitions this broker leads.
//   Waits until min_bytes are there, a partition has an error (one that is not here does not end the wait of the others, but its
//   deletion meanwhile does), or max_wait_ms is over (long poll on the high watermark or, for read_committed, on the last stable
//   offset). max_bytes and partition_max_bytes are soft: the first batch of the first partition that has any is whole. Offsets
//   inside a batch give the whole batch. While answers that nobody takes fill the budget of answers, max_bytes shrinks to what is
//   left of it.
//   7+ has sessions (fetch_session.h); 12+ finds where a follower's or consumer's log diverged; 13+ names topics by id.
//   A fetch of a follower (replica id >= 0) is answered NOT_LEADER_OR_FOLLOWER: this broker has no followers yet.
#include <algorithm>
#include <optional>
#include <vector>

#include "weir/protocol/fetch.h"
#include "weir/server/fetch_pass.h"
#include "weir/server/handlers/handlers.h"
#include "weir/server/leader_hint.h"

namespace weir::server {
namespace {

using protocol::FetchRequest;
using protocol::FetchResponse;
using replication::Isolation;

constexpr int16_t kFirstFetchWithTopicIds = 13;
constexpr int16_t kFirstVersionWithReplicaState = 15;
constexpr LeaderHintVersions kFetchLeaderHint{.leader = 12, .endpoint = 16};

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
      refused.partitions.push_back(refused_fetch(partition.partition, ErrorCode::kNotLeaderOrFollower));
    }
  }
  return response;
}

// Looks, and looks again when something moved, until there is enough to answer or the wait is over.
Task<void> look_until_enough(HandlerContext& context, const FetchRequest& request, FetchSession& session, FetchPass& pass) {
  const Services& services = context.services();
  const auto bytes_asked = static_cast<size_t>(std::max(0, std::min(request.max_bytes, services.options.fetch_max_bytes)));
  const auto bytes_max = [&] { return std::min(bytes_asked, services.bytes.answers.room()); };
  const auto bytes_min = std::min(bytes_asked, static_cast<size_t>(std::max(0, request.min_bytes)));
  const Deadline deadline = context.deadline_in(request.max_wait_ms);
  FetchWaiter waiter;
  session.await(waiter);
  std::optional<size_t> unknown_at_first;
  for (bool is_last = request.max_wait_ms <= 0;;) {
    waiter.progress.reset();
    co_await pass.look(bytes_max());
    if (!unknown_at_first) unknown_at_first = pass.unknown();
    const bool nothing_to_wait_for = pass.unknown() == session.size() || pass.unknown() != *unknown_at_first;
    const bool has_what_fits = pass.bytes() > 0 && pass.bytes() >= bytes_max();
    if (is_last || pass.bytes() >= bytes_min || has_what_fits || pass.must_answer_now() || nothing_to_wait_for) co_return;
    pass.give_back();   // too little to answer is not held while waiting, which may be long
    const Result<void> woken = co_await waiter.progress.wait(context.executor(), deadline, context.request().stop);
    is_last = !woken;
  }
}

FetchResponse answer_of(HandlerContext& context, const FetchContext& fetch, std::vector<FetchedPartition> named) {
  FetchResponse response;
  response.session_id = fetch.session_id;
  for (FetchedPartition& one : named) {
    const FetchKey& key = one.cached->wish.key;
    // Without a reference the partition is not here yet, and nobody else is known to lead it.
    const bool led_elsewhere = one.answer.error_code == ErrorCode::kNotLeaderOrFollower || one.answer.error_code == ErrorCode::kFencedLeaderEpoch;
    if (led_elsewhere && one.partition) {
      hint_leader(context, kFetchLeaderHint, *one.partition, one.answer.current_leader, response.node_endpoints);
    }
    if (response.responses.empty() || response.responses.back().topic != key.topic || response.responses.back().topic_id != key.topic_id) {
      auto& topic = response.responses.emplace_back();
      topic.topic = key.topic;
      topic.topic_id = key.topic_id;
    }
    response.responses.back().partitions.push_back(std::move(one.answer));
  }
  return response;
}

}  // namespace

Task<FetchResponse> fetch(HandlerContext& context, const FetchRequest& request) {
  if (is_follower(context, request)) co_return refuse_follower(request);
  const bool uses_topic_ids = context.version() >= kFirstFetchWithTopicIds;
  const Result<FetchContext> fetch = context.services().fetch_sessions.begin(
      request.session_id, request.session_epoch, uses_topic_ids, wishes_of(request), forgotten_of(request), context.now());
  if (!fetch) {
    FetchResponse response;
    response.error_code = fetch.error().code();
    co_return response;
  }
  const auto isolation = request.isolation_level == 1 ? Isolation::kReadCommitted : Isolation::kReadUncommitted;
  fetch->session->set_isolation(isolation);
  FetchPass pass(context, *fetch, isolation);
  co_await look_until_enough(context, request, *fetch->session, pass);
  co_return answer_of(context, *fetch, pass.finish());
}

}  // namespace weir::server
