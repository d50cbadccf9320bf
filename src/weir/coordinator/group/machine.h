// The life of a classic consumer group, without I/O: state, event and time in; changed state and actions out.
//
//            join                    all joined, or time is up          leader's assignment committed
//   Empty ---------> PreparingRebalance ------------------> CompletingRebalance ---------> Stable
//     ^                 |      ^                                   |                         |
//     +-- all are gone -+      +-- join, leave, expiry, no sync ---+-------------------------+
//
// The state is changed in place: it may hold hundreds of members, and a heartbeat must not copy them. Nothing else is
// touched, so that equal states and events give equal results.
//
// KIP-62 (sessions), 345 (static members), 394 (MEMBER_ID_REQUIRED), 429 (cooperative: the machine does not notice),
// 559 (protocol type and name), 814 (the leader may skip the assignment).
#pragma once

#include <variant>

#include "weir/coordinator/group/state.h"
#include "weir/protocol/internal/group_metadata.h"

namespace weir::coordinator::group {

inline constexpr int64_t kNewMemberJoinMs = 300'000;  // a member that has not been in a generation yet waits so long at most
inline constexpr int64_t kLeaderlessRoundMs = 1'000;   // a round that nobody joined goes on for so long at least
inline constexpr size_t kPendingMembersMax = 10'000;   // ids given out in one group and not used yet

struct Rules {
  int64_t initial_delay_ms = 3'000;
  int32_t members_max = INT32_MAX;
};

struct Now {
  MonoTime mono;
  TimestampMs wall = kNoTimestamp;
};

struct JoinedMember {
  std::string id;
  std::optional<std::string> instance_id;
  SharedBytes metadata;
};
struct JoinReply {
  ErrorCode error = ErrorCode::kNone;
  std::string member_id;
  int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  bool skip_assignment = false;
  std::vector<JoinedMember> members;  // for the leader
};
struct SyncReply {
  ErrorCode error = ErrorCode::kNone;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  SharedBytes assignment;
};
struct Reply {
  Token token = kNoToken;
  std::variant<JoinReply, SyncReply> answer;
};

// A record of the group to append. With an id, its fate is told by appended(); without, nobody waits for it.
struct Append {
  uint64_t id = 0;
  protocol::GroupMetadataValue value;
};
struct Actions {
  std::vector<Reply> replies;
  std::vector<Append> appends;
};

struct Join {
  Token token = kNoToken;
  std::string member_id;
  std::string fresh_id;  // for a member without one
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  int32_t session_timeout_ms = 0;
  int32_t rebalance_timeout_ms = 0;
  std::string protocol_type;
  std::vector<Protocol> protocols;
  bool requires_known_id = false;     // JoinGroup 4+: a dynamic member learns its id before it may join
  bool can_skip_assignment = false;   // JoinGroup 9+
};
struct Sync {
  Token token = kNoToken;
  std::string member_id;
  std::optional<std::string> instance_id;
  int32_t generation = -1;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::vector<std::pair<std::string, SharedBytes>> assignments;
};
struct Identity {
  std::string member_id;
  std::optional<std::string> instance_id;
};

// Answered now or later, through Actions::replies.
Actions join(GroupState& group, const Rules& rules, const Join& event, Now now);
Actions sync(GroupState& group, const Rules& rules, const Sync& event, Now now);

ErrorCode heartbeat(GroupState& group, const Identity& who, int32_t generation, Now now);
ErrorCode leave(GroupState& group, const Rules& rules, const Identity& who, Now now, Actions& actions);
// Whether `who` may commit offsets; the commit counts as a heartbeat.
ErrorCode check_commit(GroupState& group, const Identity& who, int32_t generation, Now now);

// Time has come to wake_at.
Actions tick(GroupState& group, const Rules& rules, Now now);
// The record with that id is committed, or will not be (`error`).
Actions appended(GroupState& group, const Rules& rules, uint64_t id, ErrorCode error, Now now);
// The coordinator moves, or the group is deleted: everybody who waits hears `error`, and the group is dead.
Actions end(GroupState& group, ErrorCode error, Now now);

// From and to the record in __consumer_offsets.
protocol::GroupMetadataValue to_record(const GroupState& group, const std::map<std::string, SharedBytes>* assignments = nullptr);
// A group with members is taken up as stable, each with a whole session before it.
GroupState from_record(std::string id, const protocol::GroupMetadataValue& value, Now now);

}  // namespace weir::coordinator::group
