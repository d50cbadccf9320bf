// One step of a group's machine, for machine.cc and join.cc only: the group, when the step happens, and what is to be done.
#pragma once

#include <algorithm>

#include "weir/base/assert.h"
#include "weir/coordinator/group/machine.h"

namespace weir::coordinator::group {

inline constexpr Rules kNoRules;  // for steps that no rule bears on

constexpr MonoTime after(MonoTime now, int64_t ms) { return now + std::chrono::milliseconds(std::max<int64_t>(ms, 0)); }

class Stepper {
 public:
  Stepper(GroupState& group, const Rules& rules, Now now, Actions& actions)
      : group_(group), rules_(rules), now_(now), actions_(actions) {}

  void join(const Join& event);
  void sync(const Sync& event);
  ErrorCode leave(const Identity& who);
  void tick();
  void appended(uint64_t id, ErrorCode error);
  void end(ErrorCode error);
  ErrorCode validate(const Identity& who) const;
  void touch(Member& member) { set_deadline(member, member.session_timeout_ms); }

 private:
  void refuse(Token token, ErrorCode error, std::string member_id = "") {
    actions_.replies.push_back({token, JoinReply{.error = error, .member_id = std::move(member_id)}});
  }
  void answer_join(Member& member, JoinReply reply) {
    if (member.join == kNoToken) return;
    actions_.replies.push_back({std::exchange(member.join, kNoToken), std::move(reply)});
    --group_.parked_joins;
  }
  void answer_sync(Member& member, ErrorCode error) {
    if (member.sync == kNoToken) return;
    SyncReply reply{.error = error};
    if (error == ErrorCode::kNone) {
      reply.protocol_type = group_.protocol_type;
      reply.protocol = group_.protocol;
      reply.assignment = member.assignment;
    }
    actions_.replies.push_back({std::exchange(member.sync, kNoToken), std::move(reply)});
  }
  void wake_by(MonoTime when) { group_.wake_at = std::min(group_.wake_at, when); }
  void set_deadline(Member& member, int64_t ms) {
    member.deadline = after(now_.mono, ms);
    wake_by(member.deadline);
  }
  void enter(Phase phase) {
    group_.phase = phase;
    group_.phase_since_ms = now_.wall;
  }
  bool is_in(Phase phase) const { return group_.phase == phase; }

  bool is_accepted(std::string_view member_id) const;
  bool is_supported(const Join& event) const;
  void count_protocols(const Member& member, bool added);
  void join_new(const Join& event);
  void join_known(const Join& event);
  void join_as_static(const Join& event, const std::string& former_id);
  Member& add(const Join& event, const std::string& id);
  void update(Member& member, const Join& event);
  Member& rename(const std::string& former_id, const std::string& id);
  void remove(const std::string& id);
  void after_removal();
  void rebalance_or_complete();
  void prepare_rebalance();
  void maybe_complete_join();
  void complete_join();
  bool elect_leader();
  std::string vote() const;
  std::vector<JoinedMember> joined_members() const;
  void answer_current(Member& member, bool with_members);
  void reset_assignments(ErrorCode error);
  int32_t rebalance_timeout_ms() const;
  void end_initial_delay();
  void expire_members();
  void expire_syncs();
  void compute_wake();

  GroupState& group_;
  const Rules& rules_;
  Now now_;
  Actions& actions_;
};

}  // namespace weir::coordinator::group
