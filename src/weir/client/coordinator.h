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

// Whether the coordinator must be looked for again, or is not ready, or the way to it broke.
bool is_coordinator_trouble(ErrorCode code);

// Asks the coordinator of `group` until its answer is about something else than itself.
template <protocol::WireMessage Request>
Task<Result<typename Request::Response>> call_coordinator(Cluster& cluster, std::string group, Request request,
                                                          ErrorCode (*code_of)(const typename Request::Response&), Patience patience,
                                                          int16_t version_max = INT16_MAX) {
  for (int attempt = 0;; ++attempt) {
    Error last(ErrorCode::kCoordinatorNotAvailable);
    const auto where = co_await find_coordinator(cluster, group, cluster.one_attempt(patience));
    if (where) {
      const auto connection = co_await cluster.connection(*where, rpc::Lane::kQuick, cluster.one_attempt(patience));
      if (connection) {
        auto answer = co_await (*connection)->call(request, cluster.one_attempt(patience), version_max);
        if (answer && !is_coordinator_trouble(code_of(*answer))) co_return answer;
        last = answer ? Error(code_of(*answer)) : answer.error();
      } else {
        last = connection.error();
      }
    } else {
      last = where.error();
    }
    if (!is_coordinator_trouble(last.code())) co_return fail(last);
    WEIR_CO_CHECK(co_await cluster.back_off(attempt, last, patience));
  }
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
