// A bare member of a classic group: joins, syncs, beats, joins again when told to. No records, no commits: only what a
// rebalance costs.
//
// Owner    the command; the group's board outlives it.
// Shard    one.
#pragma once

#include <string>

#include "weir/cli/client_command.h"

namespace weir::cli {

// What the members tell of themselves.
struct GroupBoard {
  std::string group;
  std::string topic = "weir-bench";  // of the subscriptions; need not exist
  Duration heartbeat;
  int32_t session_ms = 45'000;
  size_t leader_size = 0;            // members of the newest generation, as its leader was told
  int32_t generation = -1;           // the newest anybody has an assignment of
  size_t stable = 0;                 // members that have their assignment of it
  MonoTime last_asked;               // when a JoinGroup was sent last
  MonoTime last_stable;              // when an assignment came last
  uint64_t joins = 0;
  std::optional<Error> error;
  runtime::WaitQueue news;

  void note_stable(int32_t of, MonoTime now) {
    if (of > generation) {
      generation = of;
      stable = 0;
    }
    if (of == generation) ++stable;
    last_stable = now;
    news.notify_all();
  }
};

class BenchMember {
 public:
  static constexpr Duration kRebalanceMax = 5min;

  BenchMember(ClientContext& context, GroupBoard& board, runtime::Endpoint coordinator)
      : context_(context), board_(board), coordinator_(std::move(coordinator)), loops_(context.env.executor) {}

  Task<Result<void>> open();
  // Until `leave` or `stop`.
  static Task<void> run(BenchMember* self, runtime::StopToken stop);
  // Says goodbye to the group.
  void leave() { leaving_.request_stop(); }

 private:
  Task<Result<void>> join_and_sync();
  Task<Result<bool>> beat_until_rebalance();  // false: to leave
  Task<void> say_goodbye();
  client::Patience patience() const { return {Deadline::at(context_.env.executor.now() + kRebalanceMax + 30s), stop_}; }

  ClientContext& context_;
  GroupBoard& board_;
  runtime::Endpoint coordinator_;
  client::ConnectionPtr connection_;
  std::string id_;
  int32_t generation_ = -1;
  runtime::StopToken stop_;
  runtime::StopSource leaving_;
  runtime::TaskGroup loops_;
};

}  // namespace weir::cli
