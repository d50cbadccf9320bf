// Requests to the broker that coordinates a group.
//
// Errors   of everything here: what the coordinator answers; kDeadlineExceeded with what failed last; kCancelled.
#pragma once

#include <map>

#include "weir/client/cluster.h"
#include "weir/client/partition_key.h"

namespace weir::client {

// One question to some broker. Errors: also kCoordinatorNotAvailable and kCoordinatorLoadInProgress, to be asked again later.
Task<Result<runtime::Endpoint>> find_coordinator(Cluster& cluster, std::string group, Patience patience);
// Finds it and connects.
Task<Result<ConnectionPtr>> connect_to_coordinator(Cluster& cluster, std::string group, Patience patience);

// Awaits `ask(coordinator, patience)` until its outcome is about something else than the coordinator itself. The patience it is
// given is that of one attempt.
template <typename T, typename Ask>
Task<Result<T>> ask_coordinator(Cluster& cluster, std::string group, Patience patience, const Ask& ask) {
  for (int attempt = 0;; ++attempt) {
    const Patience once = cluster.one_attempt(patience);
    Result<T> outcome = fail(ErrorCode::kCoordinatorNotAvailable);
    const auto connection = co_await connect_to_coordinator(cluster, group, once);
    if (connection) outcome = co_await ask(*connection, once);
    else outcome = fail(connection.error());
    if (outcome || !is_coordinator_trouble(outcome.error().code())) co_return outcome;
    WEIR_CO_CHECK(co_await cluster.back_off(attempt, outcome.error(), patience));
  }
}

// The same with a request whose answer has one code, which `code_of` finds.
template <protocol::WireMessage Request>
Task<Result<typename Request::Response>> call_coordinator(Cluster& cluster, std::string group, Request request,
                                                          ErrorCode (*code_of)(const typename Request::Response&), Patience patience) {
  using Response = typename Request::Response;
  const auto ask = [&](ConnectionPtr coordinator, Patience once) -> Task<Result<Response>> {
    auto answer = co_await coordinator->call(request, once);
    if (answer && is_coordinator_trouble(code_of(*answer))) co_return fail(code_of(*answer));
    co_return answer;
  };
  co_return co_await ask_coordinator<Response>(cluster, std::move(group), patience, ask);
}

// A group's position in a partition.
struct Committed {
  Offset offset = kNoOffset;  // of the next record to read
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  std::string metadata;
  friend bool operator==(const Committed&, const Committed&) = default;
};
using CommittedOffsets = std::map<PartitionKey, Committed>;

// One attempt at `where`, in the name of a member of the group or, with generation -1 and no member, from outside.
struct Committer {
  std::string group;
  std::string member_id;
  int32_t generation = -1;
  std::optional<std::string> instance_id;
};
// Errors: of the first partition that failed, with its name.
Task<Result<void>> commit_offsets(ConnectionPtr coordinator, Committer who, CommittedOffsets offsets, Patience patience);
// Only those that have a position. All that the group has when `partitions` is null. Errors: also kUnstableOffsetCommit.
Task<Result<CommittedOffsets>> fetch_offsets(ConnectionPtr coordinator, std::string group, std::optional<PartitionSet> partitions,
                                             bool require_stable, Patience patience);

}  // namespace weir::client
