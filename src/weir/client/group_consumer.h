// A consumer that is a member of a group: the coordinator shares the topics' partitions out among the members, and keeps how
// far the group has read.
//
// Owner    the program; borrows the cluster and the listener, which outlive it. close() before destroying it.
// Shard    one. One poll, commit or close at a time.
// Holds    - a record is handed out again only when its partition changed hands, or the process ended, before it was
//            committed: at least once
//          - poll never returns a record of a partition between its revoked() or lost() and its next assigned()
//          - heartbeats go on while the application works, for max_poll_interval at most: then the member leaves the group and
//            loses its partitions until it polls again
//          - what asks the coordinator runs beside the application; what changes its partitions runs in poll and close only,
//            and waits for the listener
#pragma once

#include "weir/client/consumer.h"
#include "weir/client/coordinator.h"
#include "weir/client/group/assignor.h"
#include "weir/client/group/member.h"

namespace weir::client {

struct GroupOptions {
  std::string group;
  std::vector<std::string> topics;
  std::optional<std::string> instance_id;  // a static member: keeps its partitions when it is back within session_timeout
  // What the member can do, best first; the group takes one that all members can. With any that is not cooperative in the
  // list, everything is given back before each rebalance.
  std::vector<std::string> assignors = {"cooperative-sticky"};
  Duration session_timeout = 45s;
  Duration heartbeat_interval = 3s;
  Duration max_poll_interval = 5min;
  // Commits what was handed out before each poll, that often, and when partitions go.
  bool commits_by_itself = true;
  Duration commit_interval = 5s;
  // Where to begin without a position, and when it is not in the log; none: an error of poll.
  std::optional<Start::Kind> reset = Start::Kind::kEnd;
  ConsumerOptions consumer;
};

struct Assigned {
  PartitionKey partition;
  std::optional<Committed> committed;
};

// Told in poll and close, which wait for it. It may commit and seek, but not poll.
class RebalanceListener {
 public:
  virtual ~RebalanceListener() = default;
  // New partitions; those that were here before stay.
  virtual Task<void> assigned(std::vector<Assigned> partitions) = 0;
  // They go after this. With commits_by_itself their positions are committed already.
  virtual Task<void> revoked(std::vector<PartitionKey> partitions) = 0;
  // They are gone, and others may read them already: a commit would be refused.
  virtual Task<void> lost(std::vector<PartitionKey> partitions) = 0;
};

class GroupConsumer {
 public:
  static constexpr Duration kLastCommitTimeout = 10s;  // of a commit before partitions go

  // Errors: kInvalidArgument, a sentence.
  static Result<void> check(const GroupOptions& options);
  GroupConsumer(Cluster& cluster, GroupOptions options, RebalanceListener* listener = nullptr);
  ~GroupConsumer();

  // The next batch with a record in it; none when the patience's deadline passes first. Errors: kCancelled; those of
  // Consumer::poll; kNotFound (no position, and no reset); and what ended the membership, each time: kFencedInstanceId,
  // kInconsistentGroupProtocol, kInvalidSessionTimeout, kGroupMaxSizeReached, kGroupAuthorizationFailed...
  Task<Result<std::optional<ConsumedBatch>>> poll(Patience patience);

  // Stores where poll stands: everything that it handed out counts as done. Errors: kRebalanceInProgress (poll, then commit
  // again what is still here), kUnknownMemberId, kIllegalGeneration, kFencedInstanceId (the partitions are lost, the next
  // poll says so), kDeadlineExceeded, kCancelled.
  Task<Result<void>> commit(Patience patience);
  Task<Result<void>> commit(CommittedOffsets offsets, Patience patience);

  // From the next poll on. The partition must be owned.
  void seek(const PartitionKey& partition, Start start);

  // Gives everything back, commits (with commits_by_itself) and leaves the group. Ends in any case; an error says that the
  // coordinator was not told in time, and will notice by itself.
  Task<Result<void>> close(Patience patience);

  const PartitionSet& owned() const { return member_.owned(); }
  const group::Member& member() const { return member_; }
  // Where poll stands, in the partitions of which it knows.
  CommittedOffsets positions() const;
  Offset high_watermark(const PartitionKey& key) const { return consumer_.high_watermark(key.topic, key.index); }

 private:
  static Task<void> duty_loop(GroupConsumer* self);
  static Task<void> heartbeat_loop(GroupConsumer* self);
  static Task<void> watch_loop(GroupConsumer* self);
  static Task<void> commit_beside(GroupConsumer* self, CommittedOffsets offsets);
  Task<void> do_duty(group::Duty duty);
  Task<void> find(Patience patience);
  Task<void> join();
  Task<void> sync();
  Task<void> look_up();
  Task<void> leave();
  Task<void> heartbeat();
  Task<Result<std::map<std::string, SharedBytes>>> share_out(Patience patience);

  static bool is_callback(group::Duty duty);
  Task<void> run_callback();
  Task<void> revoke();
  Task<void> lose();
  Task<void> take_up();
  void commit_when_due();
  CommittedOffsets uncommitted() const;
  void changed();
  Task<Result<ConnectionPtr>> coordinator_on(rpc::Lane lane, Patience patience);
  // One attempt, on our own connection to the coordinator.
  template <protocol::WireMessage Request>
  Task<Result<typename Request::Response>> ask(Request request, Patience patience);
  Committer committer() const;
  MonoTime stalls_at() const;

  Cluster& cluster_;
  runtime::Environment& env_;
  GroupOptions options_;
  RebalanceListener* listener_;
  group::Member member_;
  Consumer consumer_;
  rpc::Lane lane_;  // ours alone: a join holds up what is behind it
  std::optional<runtime::Endpoint> coordinator_;
  CommittedOffsets arriving_;  // what the group had committed
  CommittedOffsets committed_;
  std::deque<Error> errors_;   // of partitions, at most one each
  bool is_leader_ = false;
  bool skips_assignment_ = false;
  std::string protocol_;
  std::vector<group::Candidate> candidates_;  // of the last join, when leader
  group::PartitionCounts shared_out_;         // what the last assignment knew
  std::optional<MonoTime> busy_since_;        // the application works, and is not in poll
  bool in_poll_ = false;
  bool committing_ = false;
  uint64_t commits_begun_ = 0;
  MonoTime next_commit_;
  runtime::WaitQueue news_;
  runtime::StopSource stop_;
  runtime::StopSource join_stop_;
  runtime::TaskGroup tasks_;
};

}  // namespace weir::client
