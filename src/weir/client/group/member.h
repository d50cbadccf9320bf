// The life of one member of a classic consumer group, without I/O: what the coordinator says and what the application has
// done come in, what to do next comes out.
//
//             found           member id, generation          assignment
//   outside ---------> join ------------------------> sync -------------> inside --+
//      ^                                                                   |  ^    |  revoke, look up, take up
//      +------------ rebalance, metadata changed, partitions released -----+  +----+
//      +------------ unknown member, illegal generation, stalled: all partitions are lost first
//
// Owner    GroupConsumer, which does what duty() says and reports how it went. Duties that the application must take part in
//          (kRevoke, kLose, kTakeUp) wait for it; all others need only the coordinator.
// Holds    - owned() are the partitions that the application has been given and has not given back: it only shrinks by
//            revoked() and lost(), and only grows by begin_take_up()
//          - eager: nothing is owned while joining. Cooperative: what is owned stays, and is claimed with the generation
//            in which it was given
//          - an answer to a request of an earlier generation changes nothing
//          - after failure() nothing more is asked of the coordinator
//
// KIP-62 (sessions, max.poll), 345 (static members), 394 (MEMBER_ID_REQUIRED), 429 (cooperative).
#pragma once

#include <optional>
#include <string>

#include "weir/base/error.h"
#include "weir/base/time.h"
#include "weir/client/partition_key.h"
#include "weir/rpc/backoff.h"

namespace weir::client::group {

struct MemberOptions {
  bool is_static = false;  // has an instance id: is not taken out of the group when it goes
  bool is_cooperative = false;
  Duration heartbeat_interval = 3s;
  rpc::Backoff retry_backoff;
};

struct Identity {
  std::string member_id;
  int32_t generation = -1;
  friend bool operator==(const Identity&, const Identity&) = default;
};

enum class Duty : uint8_t {
  kRest,
  kFindCoordinator,
  kJoin,
  kSync,
  kLookUp,  // positions of arriving()
  kLeave,   // leaving_id()
  kRevoke,  // revoking(): the application lets go, then may commit
  kLose,    // owned(): others may read them already
  kTakeUp,  // arriving()
  kEnded,
};
std::string_view name_of(Duty duty);

class Member {
 public:
  explicit Member(MemberOptions options) : options_(options) {}

  Duty duty() const;
  // The earliest time for the next duty that asks the coordinator.
  MonoTime not_before() const { return not_before_; }
  MonoTime heartbeat_due() const;

  const Identity& identity() const { return identity_; }
  const PartitionSet& owned() const { return owned_; }
  PartitionSet revoking() const;
  PartitionSet arriving() const;
  // What may be committed in the name of identity(): nothing before SyncGroup has said what the generation gives it. Of a static member
  // only that: the coordinator may have answered its JoinGroup with a generation that others began without it.
  PartitionSet committable() const;
  std::string leaving_id() const { return leave_.value_or(identity_.member_id); }
  // Why it joins; empty the first time.
  const std::string& reason() const { return joining_for_; }
  const std::optional<Error>& failure() const { return failure_; }
  bool is_stable() const { return phase_ == Phase::kInside && !rejoin_ && owned_ == target_; }
  bool is_stalled() const { return stalled_; }
  // What is owned() may be others' already.
  bool has_lost() const { return lost_; }
  bool is_closing() const { return closing_; }

  // --- the coordinator ---------------------------------------------------------------------------------------------------
  void coordinator_found() { coordinator_known_ = true; }
  // It was not found, or did not answer, or said that it is none.
  void coordinator_lost(MonoTime now);
  void begin_join();
  void joined(ErrorCode code, std::string_view message, std::string member_id, int32_t generation, MonoTime now);
  void synced(ErrorCode code, std::string_view message, PartitionSet assignment, MonoTime now);
  void heartbeat_sent(MonoTime now) { last_heartbeat_ = now; }
  // What a heartbeat or a commit of `at` was answered.
  void told(const Identity& at, ErrorCode code, MonoTime now);
  void looked_up(bool successful, MonoTime now);
  void left();
  // What cannot be mended by joining again.
  void fail_for_good(Error error);

  // --- the application ---------------------------------------------------------------------------------------------------
  void request_rejoin(std::string reason);
  // What arrives is owned from now on.
  PartitionSet begin_take_up();
  void revoked(const PartitionSet& partitions);
  void lost(const PartitionSet& partitions);
  // It has not polled for too long: leaves until it polls again.
  void stalled();
  void polled() { stalled_ = false; }
  void close() { closing_ = true; }

 private:
  enum class Phase : uint8_t { kOutside, kSyncing, kInside };

  void lose_membership(bool forgets_id);
  void retry_later(MonoTime now);
  // True when `code` says something about the coordinator or the membership that is dealt with here.
  bool take_common(ErrorCode code, MonoTime now);

  MemberOptions options_;
  Phase phase_ = Phase::kOutside;
  Identity identity_;
  int32_t synced_generation_ = -1;   // that target_ is of
  PartitionSet owned_;
  PartitionSet target_;
  bool looked_up_ = false;
  bool lost_ = false;
  bool coordinator_known_ = false;
  bool stalled_ = false;
  bool closing_ = false;
  std::optional<std::string> leave_;   // who must still be taken out
  std::optional<std::string> rejoin_;  // why
  std::string joining_for_;
  std::optional<Error> failure_;
  int failures_ = 0;
  MonoTime not_before_;
  MonoTime last_heartbeat_;
};

}  // namespace weir::client::group
