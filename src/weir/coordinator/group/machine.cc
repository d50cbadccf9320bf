// What happens to members that are in: assignments, sessions, leaving; and the door to all steps.
#include "weir/coordinator/group/stepper.h"

namespace weir::coordinator::group {

ErrorCode Stepper::validate(const Identity& who) const {
  WEIR_ASSERT(!is_in(Phase::kEmpty) || group_.members.empty(), group_.id);
  if (who.instance_id) {
    const auto found = group_.static_members.find(*who.instance_id);
    if (found == group_.static_members.end()) return ErrorCode::kUnknownMemberId;
    return found->second == who.member_id ? ErrorCode::kNone : ErrorCode::kFencedInstanceId;
  }
  return group_.members.contains(who.member_id) ? ErrorCode::kNone : ErrorCode::kUnknownMemberId;
}

void Stepper::end_initial_delay() {
  if (!group_.member_added || group_.initial_remaining_ms == 0 || rules_.initial_delay_ms <= 0) return complete_join();
  const int64_t delay_ms = std::min(rules_.initial_delay_ms, group_.initial_remaining_ms);
  group_.member_added = false;
  group_.initial_remaining_ms = std::max<int64_t>(group_.initial_remaining_ms - delay_ms, 0);
  group_.rebalance_at = after(now_.mono, delay_ms);
  wake_by(group_.rebalance_at);
}

void Stepper::sync(const Sync& event) {
  const auto refuse_sync = [&](ErrorCode error) { actions_.replies.push_back({event.token, SyncReply{.error = error}}); };
  if (is_in(Phase::kDead)) return refuse_sync(ErrorCode::kCoordinatorNotAvailable);
  const ErrorCode wrong = validate({event.member_id, event.instance_id});
  if (wrong != ErrorCode::kNone) return refuse_sync(wrong);
  if (event.generation != group_.generation) return refuse_sync(ErrorCode::kIllegalGeneration);
  if ((event.protocol_type && event.protocol_type != group_.protocol_type) || (event.protocol && event.protocol != group_.protocol)) {
    return refuse_sync(ErrorCode::kInconsistentGroupProtocol);
  }
  if (is_in(Phase::kPreparingRebalance)) return refuse_sync(ErrorCode::kRebalanceInProgress);
  Member& member = group_.members.at(event.member_id);
  group_.awaited_syncs.erase(member.id);
  answer_sync(member, ErrorCode::kRebalanceInProgress);  // an earlier SyncGroup of the same member
  member.sync = event.token;
  if (is_in(Phase::kStable)) {
    touch(member);
    return answer_sync(member, ErrorCode::kNone);
  }
  if (member.id != group_.leader || group_.write) return;
  PendingWrite& write = group_.write.emplace();
  write.id = ++group_.writes;
  write.generation = group_.generation;
  for (const auto& [id, given] : event.assignments) {
    if (group_.members.contains(id)) write.assignments.insert_or_assign(id, given);
  }
  actions_.appends.push_back({write.id, to_record(group_, &write.assignments)});
}

void Stepper::reset_assignments(ErrorCode error) {
  for (auto& [id, member] : group_.members) {
    member.assignment = {};
    answer_sync(member, error);
  }
  group_.write.reset();
}

void Stepper::appended(uint64_t id, ErrorCode error) {
  if (!group_.write || group_.write->id != id) return;
  const PendingWrite write = std::move(*group_.write);
  group_.write.reset();
  WEIR_ASSERT(write.generation == group_.generation, write.generation, group_.generation);
  if (write.kind == PendingWrite::Kind::kStaticMember) {
    const auto found = group_.members.find(write.member_id);
    if (found == group_.members.end()) return;
    Member& member = found->second;
    if (error != ErrorCode::kNone) {
      answer_join(member, {.error = error, .member_id = member.id});
      return;
    }
    const bool is_leader = group_.leader == member.id;
    JoinReply reply{.member_id = member.id,
                    .generation = group_.generation,
                    .protocol_type = group_.protocol_type,
                    .protocol = group_.protocol,
                    // A client that cannot be told to skip the assignment must not think that it leads: its assignment
                    // would be made and never taken.
                    .leader = is_leader && !write.can_skip_assignment ? write.former_id : group_.leader,
                    .skip_assignment = is_leader && write.can_skip_assignment};
    if (reply.skip_assignment) reply.members = joined_members();
    touch(member);
    return answer_join(member, std::move(reply));
  }
  WEIR_ASSERT(is_in(Phase::kCompletingRebalance));
  if (error != ErrorCode::kNone) {
    reset_assignments(error);
    return prepare_rebalance();
  }
  for (auto& [member_id, member] : group_.members) {
    const auto given = write.assignments.find(member_id);
    member.assignment = given == write.assignments.end() ? SharedBytes() : given->second;
    if (member.sync == kNoToken) continue;
    touch(member);
    answer_sync(member, ErrorCode::kNone);
  }
  enter(Phase::kStable);
}

ErrorCode Stepper::leave(const Identity& who) {
  if (is_in(Phase::kDead)) return ErrorCode::kCoordinatorNotAvailable;
  std::string id = who.member_id;
  if (who.instance_id) {
    const auto found = group_.static_members.find(*who.instance_id);
    if (found == group_.static_members.end()) return ErrorCode::kUnknownMemberId;
    if (id.empty()) id = found->second;
    if (found->second != id) return ErrorCode::kFencedInstanceId;
  } else if (group_.pending_members.erase(id) > 0) {
    maybe_complete_join();
    return ErrorCode::kNone;
  }
  if (!group_.members.contains(id)) return ErrorCode::kUnknownMemberId;
  remove(id);
  after_removal();
  return ErrorCode::kNone;
}

void Stepper::tick() {
  if (is_in(Phase::kDead)) return;
  bool pending_gone = false;
  for (auto it = group_.pending_members.begin(); it != group_.pending_members.end();) {
    const bool due = it->second <= now_.mono;
    pending_gone = pending_gone || due;
    it = due ? group_.pending_members.erase(it) : std::next(it);
  }
  if (pending_gone) maybe_complete_join();
  expire_members();
  if (group_.sync_by <= now_.mono) expire_syncs();
  if (group_.rebalance_at <= now_.mono) {
    group_.rebalance_at = kFarFuture;
    if (is_in(Phase::kPreparingRebalance)) group_.in_initial_delay ? end_initial_delay() : complete_join();
  }
  compute_wake();
}

void Stepper::expire_members() {
  std::vector<std::string> silent;
  for (auto& [id, member] : group_.members) {
    if (member.deadline > now_.mono) continue;
    // Who waits for an answer of ours cannot send heartbeats.
    const bool waits = (member.join != kNoToken && !member.is_new) || member.sync != kNoToken;
    if (waits) {
      touch(member);
    } else {
      silent.push_back(id);
    }
  }
  if (silent.empty()) return;
  for (const std::string& id : silent) remove(id);
  after_removal();
}

void Stepper::expire_syncs() {
  group_.sync_by = kFarFuture;
  const std::set<std::string, std::less<>> absent = std::exchange(group_.awaited_syncs, {});
  if (absent.empty() || (!is_in(Phase::kCompletingRebalance) && !is_in(Phase::kStable))) return;
  for (const std::string& id : absent) remove(id);
  prepare_rebalance();
}

void Stepper::compute_wake() {
  group_.wake_at = std::min(group_.rebalance_at, group_.sync_by);
  for (const auto& [id, until] : group_.pending_members) wake_by(until);
  for (const auto& [id, member] : group_.members) wake_by(member.deadline);
}

void Stepper::end(ErrorCode error) {
  for (auto& [id, member] : group_.members) {
    answer_join(member, {.error = error, .member_id = id});
    answer_sync(member, error);
  }
  group_.write.reset();
  group_.wake_at = kFarFuture;
  enter(Phase::kDead);
}

std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::kEmpty: return "Empty";
    case Phase::kPreparingRebalance: return "PreparingRebalance";
    case Phase::kCompletingRebalance: return "CompletingRebalance";
    case Phase::kStable: return "Stable";
    case Phase::kDead: return "Dead";
  }
  return "Unknown";
}

Actions join(GroupState& group, const Rules& rules, const Join& event, Now now) {
  Actions actions;
  Stepper(group, rules, now, actions).join(event);
  return actions;
}

Actions sync(GroupState& group, const Rules& rules, const Sync& event, Now now) {
  Actions actions;
  Stepper(group, rules, now, actions).sync(event);
  return actions;
}

ErrorCode heartbeat(GroupState& group, const Identity& who, int32_t generation, Now now) {
  if (group.phase == Phase::kDead) return ErrorCode::kCoordinatorNotAvailable;
  Actions none;
  Stepper stepper(group, kNoRules, now, none);
  const ErrorCode wrong = stepper.validate(who);
  if (wrong != ErrorCode::kNone) return wrong;
  if (generation != group.generation) return ErrorCode::kIllegalGeneration;
  stepper.touch(group.members.find(who.member_id)->second);
  return group.phase == Phase::kPreparingRebalance ? ErrorCode::kRebalanceInProgress : ErrorCode::kNone;
}

ErrorCode leave(GroupState& group, const Rules& rules, const Identity& who, Now now, Actions& actions) {
  return Stepper(group, rules, now, actions).leave(who);
}

ErrorCode check_commit(GroupState& group, const Identity& who, int32_t generation, Now now) {
  if (group.phase == Phase::kDead) return ErrorCode::kCoordinatorNotAvailable;
  if (generation < 0 && group.phase == Phase::kEmpty) return ErrorCode::kNone;  // whoever assigns partitions to itself
  if (generation < 0 && who.member_id.empty() && !who.instance_id) {
    return ErrorCode::kUnknownMemberId;
  }
  Actions none;
  Stepper stepper(group, kNoRules, now, none);
  const ErrorCode wrong = stepper.validate(who);
  if (wrong != ErrorCode::kNone) return wrong;
  if (generation != group.generation) return ErrorCode::kIllegalGeneration;
  if (group.phase == Phase::kCompletingRebalance) return ErrorCode::kRebalanceInProgress;
  stepper.touch(group.members.find(who.member_id)->second);
  return ErrorCode::kNone;
}

Actions tick(GroupState& group, const Rules& rules, Now now) {
  Actions actions;
  Stepper(group, rules, now, actions).tick();
  return actions;
}

Actions appended(GroupState& group, const Rules& rules, uint64_t id, ErrorCode error, Now now) {
  Actions actions;
  Stepper(group, rules, now, actions).appended(id, error);
  return actions;
}

Actions end(GroupState& group, ErrorCode error, Now now) {
  Actions actions;
  Stepper(group, kNoRules, now, actions).end(error);
  return actions;
}

}  // namespace weir::coordinator::group
