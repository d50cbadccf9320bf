// The raft state machine, without I/O: events in, actions out. A quorum of one for now, with the steps that more voters will
// take too: a vote is persisted before it counts for others, a leader opens its epoch with a record of its own, and nothing is committed
// before a record of the present epoch is.
//
//            start                            leadership persisted
// Unattached -----> Candidate (epoch + 1, for self) ------------> Leader, opens the epoch
//
// Holds    - the epoch never falls, and is persisted before anything of it is written to the log
//          - high_watermark() <= durable end <= log end; it never falls
//          - high_watermark() stays behind the epoch's first record until that record is durable
#pragma once

#include <optional>

#include "weir/base/ids.h"
#include "weir/base/uuid.h"
#include "weir/raft/quorum_state.h"

namespace weir::raft {

enum class Role : uint8_t { kUnattached, kCandidate, kLeader };

class Core {
 public:
  // What the driver must do next, before any other event.
  struct Actions {
    std::optional<ElectionState> persist;  // write and sync, then call persisted()
    bool open_epoch = false;               // append the leader change record of epoch(), then call appended()
    bool high_watermark_moved = false;
  };

  Core(BrokerId self, Uuid directory) : self_(self), directory_(directory) {}

  // `election` as found on disk; the log ends at `log_end`, its last record being of `log_epoch` (none: kNoLeaderEpoch),
  // and all of it is durable. Asks for a new epoch.
  Actions start(const ElectionState& election, LeaderEpoch log_epoch, Offset log_end);
  Actions persisted();
  // A batch of the present epoch was written up to `end`.
  void appended(Offset end);
  // Everything below `end` is on disk.
  Actions durable(Offset end);

  Role role() const { return role_; }
  LeaderEpoch epoch() const { return election_.epoch; }
  BrokerId leader() const { return election_.leader; }
  const ElectionState& election() const { return election_; }
  Offset high_watermark() const { return high_watermark_; }  // exclusive
  Offset log_end() const { return log_end_; }

 private:
  void win();

  BrokerId self_;
  Uuid directory_;
  Role role_ = Role::kUnattached;
  ElectionState election_;
  Offset log_end_{0};
  Offset epoch_start_{0};  // where the present epoch's first record lies
  Offset high_watermark_{0};
};

}  // namespace weir::raft
