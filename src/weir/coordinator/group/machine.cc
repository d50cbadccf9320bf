#include "weir/coordinator/group/machine.h"

#include <algorithm>

#include "weir/base/assert.h"

namespace weir::coordinator::group {
namespace {

constexpr Rules kNoRules;  // for steps that no rule bears on

constexpr MonoTime after(MonoTime now, int64_t ms) { return now + std::chrono::milliseconds(std::max<int64_t>(ms, 0)); }

// One step: the group, when it happens, and what is to be done.
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
    group_.former_phase = group_.phase;
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

bool Stepper::is_accepted(std::string_view member_id) const {
  const auto members_max = static_cast<size_t>(rules_.members_max);
  const Member* member = group_.member(member_id);
  switch (group_.phase) {
    case Phase::kEmpty:
    case Phase::kDead: return true;
    case Phase::kPreparingRebalance: return (member != nullptr && member->join != kNoToken) || group_.parked_joins < members_max;
    case Phase::kCompletingRebalance:
    case Phase::kStable: return member != nullptr || group_.members.size() < members_max;
  }
  return true;
}

// Whether there is a protocol that the newcomer and all members know.
bool Stepper::is_supported(const Join& event) const {
  if (event.protocol_type.empty() || event.protocols.empty()) return false;
  if (group_.members.empty()) return true;
  if (group_.protocol_type != event.protocol_type) return false;
  return std::ranges::any_of(event.protocols, [&](const Protocol& protocol) {
    const auto found = group_.protocol_support.find(protocol.name);
    return found != group_.protocol_support.end() && found->second == group_.members.size();
  });
}

void Stepper::count_protocols(const Member& member, bool added) {
  std::set<std::string_view> seen;
  for (const Protocol& protocol : member.protocols) {
    if (!seen.insert(protocol.name).second) continue;
    size_t& count = group_.protocol_support[protocol.name];
    count = added ? count + 1 : count - 1;
    if (count == 0) group_.protocol_support.erase(protocol.name);
  }
}

ErrorCode Stepper::validate(const Identity& who) const {
  if (who.instance_id) {
    const auto found = group_.static_members.find(*who.instance_id);
    if (found == group_.static_members.end()) return ErrorCode::kUnknownMemberId;
    return found->second == who.member_id ? ErrorCode::kNone : ErrorCode::kFencedInstanceId;
  }
  return group_.members.contains(who.member_id) ? ErrorCode::kNone : ErrorCode::kUnknownMemberId;
}

void Stepper::join(const Join& event) {
  if (is_in(Phase::kDead)) return refuse(event.token, ErrorCode::kCoordinatorNotAvailable, event.member_id);
  if (!is_accepted(event.member_id)) {
    if (group_.members.contains(event.member_id)) {
      remove(event.member_id);
      after_removal();
    }
    group_.pending_members.erase(event.member_id);
    return refuse(event.token, ErrorCode::kGroupMaxSizeReached);
  }
  if (event.member_id.empty()) return join_new(event);
  join_known(event);
}

void Stepper::join_new(const Join& event) {
  if (!is_supported(event)) return refuse(event.token, ErrorCode::kInconsistentGroupProtocol);
  if (event.instance_id) {
    const auto found = group_.static_members.find(*event.instance_id);
    if (found != group_.static_members.end()) return join_as_static(event, std::string(found->second));
    add(event, event.fresh_id);
    return rebalance_or_complete();
  }
  if (event.requires_known_id) {
    const MonoTime until = after(now_.mono, event.session_timeout_ms);
    group_.pending_members.insert_or_assign(event.fresh_id, until);
    wake_by(until);
    return refuse(event.token, ErrorCode::kMemberIdRequired, event.fresh_id);
  }
  add(event, event.fresh_id);
  rebalance_or_complete();
}

void Stepper::join_known(const Join& event) {
  if (!is_supported(event)) return refuse(event.token, ErrorCode::kInconsistentGroupProtocol, event.member_id);
  if (!event.instance_id && group_.pending_members.erase(event.member_id) > 0) {
    add(event, event.member_id);
    return rebalance_or_complete();
  }
  const ErrorCode wrong = validate({event.member_id, event.instance_id});
  if (wrong != ErrorCode::kNone) return refuse(event.token, wrong, event.member_id);
  Member& member = group_.members.at(event.member_id);
  const bool changed = member.protocols != event.protocols;
  // A stable leader that joins again wants a rebalance: it saw partitions come or go. Anybody else who brings nothing new has
  // only missed the answer of the last round.
  const bool wants_rebalance = changed || (is_in(Phase::kStable) && group_.leader == member.id);
  if (is_in(Phase::kPreparingRebalance) || wants_rebalance) {
    update(member, event);
    return rebalance_or_complete();
  }
  if (is_in(Phase::kEmpty)) return refuse(event.token, ErrorCode::kUnknownMemberId, event.member_id);
  const bool is_leader = group_.leader == member.id;
  update(member, event);
  touch(member);
  answer_current(member, is_in(Phase::kCompletingRebalance) && is_leader);
}

// A static member that comes back takes its old place under a new id. Where that changes nothing for the others there is no
// rebalance, only a record.
void Stepper::join_as_static(const Join& event, const std::string& former_id) {
  const std::string former_leader = group_.leader;
  Member& member = rename(former_id, event.fresh_id);
  const bool is_quiet = is_in(Phase::kStable) && !group_.write;
  update(member, event);
  touch(member);
  if (is_in(Phase::kPreparingRebalance)) return maybe_complete_join();
  if (!is_quiet || vote() != group_.protocol) return prepare_rebalance();
  PendingWrite& write = group_.write.emplace();
  write.id = ++group_.writes;
  write.kind = PendingWrite::Kind::kStaticMember;
  write.generation = group_.generation;
  write.member_id = member.id;
  write.former_id = former_id;
  write.can_skip_assignment = event.can_skip_assignment;
  actions_.appends.push_back({write.id, to_record(group_)});
}

Member& Stepper::add(const Join& event, const std::string& id) {
  WEIR_ASSERT(!id.empty());
  WEIR_ASSERT(!group_.members.contains(id), id);
  if (group_.members.empty()) group_.protocol_type = event.protocol_type;
  Member& member = group_.members[id];
  member.id = id;
  member.instance_id = event.instance_id;
  member.is_new = true;
  if (event.instance_id) group_.static_members.insert_or_assign(*event.instance_id, id);
  if (group_.leader.empty()) group_.leader = id;
  if (group_.in_initial_delay) group_.member_added = true;
  update(member, event);
  set_deadline(member, kNewMemberJoinMs);
  return member;
}

void Stepper::update(Member& member, const Join& event) {
  // A second JoinGroup from the same member: whoever sent the first is not waiting any more.
  if (member.join != kNoToken) answer_join(member, {.error = ErrorCode::kRebalanceInProgress, .member_id = member.id});
  count_protocols(member, false);
  member.protocols = event.protocols;
  count_protocols(member, true);
  member.client_id = event.client_id;
  member.client_host = event.client_host;
  member.session_timeout_ms = event.session_timeout_ms;
  member.rebalance_timeout_ms = event.rebalance_timeout_ms;
  member.join = event.token;
  ++group_.parked_joins;
}

Member& Stepper::rename(const std::string& former_id, const std::string& id) {
  auto node = group_.members.extract(former_id);
  WEIR_ASSERT(!node.empty(), former_id);
  Member& former = node.mapped();
  answer_join(former, {.error = ErrorCode::kFencedInstanceId, .member_id = former_id});
  answer_sync(former, ErrorCode::kFencedInstanceId);
  former.id = id;
  node.key() = id;
  Member& member = group_.members.insert(std::move(node)).position->second;
  group_.static_members.insert_or_assign(*member.instance_id, id);
  if (group_.leader == former_id) group_.leader = id;
  if (group_.awaited_syncs.erase(former_id) > 0) group_.awaited_syncs.insert(id);
  return member;
}

void Stepper::remove(const std::string& id) {
  const auto found = group_.members.find(id);
  WEIR_ASSERT(found != group_.members.end(), id);
  const std::string gone = id;  // `id` may lie in what is erased
  Member& member = found->second;
  answer_join(member, {.error = ErrorCode::kUnknownMemberId});
  answer_sync(member, ErrorCode::kUnknownMemberId);
  count_protocols(member, false);
  if (member.instance_id) group_.static_members.erase(*member.instance_id);
  group_.awaited_syncs.erase(gone);
  group_.members.erase(found);
  if (group_.leader == gone) group_.leader = group_.members.empty() ? "" : group_.members.begin()->first;
}

void Stepper::after_removal() {
  if (is_in(Phase::kStable) || is_in(Phase::kCompletingRebalance)) return prepare_rebalance();
  if (is_in(Phase::kPreparingRebalance)) maybe_complete_join();
}

void Stepper::rebalance_or_complete() {
  if (is_in(Phase::kPreparingRebalance)) return maybe_complete_join();
  prepare_rebalance();
}

int32_t Stepper::rebalance_timeout_ms() const {
  int32_t longest = 0;
  for (const auto& [id, member] : group_.members) longest = std::max(longest, member.rebalance_timeout_ms);
  return longest;
}

void Stepper::prepare_rebalance() {
  WEIR_ASSERT(!is_in(Phase::kPreparingRebalance) && !is_in(Phase::kDead));
  if (is_in(Phase::kCompletingRebalance)) reset_assignments(ErrorCode::kRebalanceInProgress);
  group_.write.reset();  // a static member that waited for it waits for the new round instead
  group_.awaited_syncs.clear();
  group_.sync_by = kFarFuture;
  const int64_t timeout_ms = rebalance_timeout_ms();
  group_.in_initial_delay = is_in(Phase::kEmpty);
  if (group_.in_initial_delay) {
    group_.member_added = false;
    group_.initial_remaining_ms = std::max<int64_t>(timeout_ms - rules_.initial_delay_ms, 0);
    group_.rebalance_at = after(now_.mono, rules_.initial_delay_ms);
  } else {
    group_.rebalance_at = after(now_.mono, timeout_ms);
  }
  wake_by(group_.rebalance_at);
  enter(Phase::kPreparingRebalance);
  maybe_complete_join();
}

void Stepper::maybe_complete_join() {
  if (!is_in(Phase::kPreparingRebalance)) return;
  if (group_.in_initial_delay && !group_.members.empty()) return;
  if (group_.parked_joins == group_.members.size() && group_.pending_members.empty()) complete_join();
}

void Stepper::end_initial_delay() {
  if (!group_.member_added || group_.initial_remaining_ms == 0 || rules_.initial_delay_ms <= 0) return complete_join();
  const int64_t delay_ms = std::min(rules_.initial_delay_ms, group_.initial_remaining_ms);
  group_.member_added = false;
  group_.initial_remaining_ms = std::max<int64_t>(group_.initial_remaining_ms - delay_ms, 0);
  group_.rebalance_at = after(now_.mono, delay_ms);
  wake_by(group_.rebalance_at);
}

bool Stepper::elect_leader() {
  const Member* leader = group_.member(group_.leader);
  if (leader != nullptr && leader->join != kNoToken) return true;
  for (const auto& [id, member] : group_.members) {
    if (member.join == kNoToken) continue;
    group_.leader = id;
    return true;
  }
  return false;
}

// Each member votes for the first of its protocols that all know.
std::string Stepper::vote() const {
  std::map<std::string_view, size_t> votes;
  for (const auto& [id, member] : group_.members) {
    for (const Protocol& protocol : member.protocols) {
      const auto found = group_.protocol_support.find(protocol.name);
      if (found->second != group_.members.size()) continue;
      ++votes[protocol.name];
      break;
    }
  }
  const auto best = std::ranges::max_element(votes, {}, [](const auto& row) { return row.second; });
  return best == votes.end() ? std::string() : std::string(best->first);
}

std::vector<JoinedMember> Stepper::joined_members() const {
  std::vector<JoinedMember> joined;
  joined.reserve(group_.members.size());
  for (const auto& [id, member] : group_.members) {
    const Protocol* protocol = member.protocol(group_.protocol.value_or(""));
    joined.push_back({id, member.instance_id, protocol == nullptr ? SharedBytes() : protocol->metadata});
  }
  return joined;
}

void Stepper::answer_current(Member& member, bool with_members) {
  JoinReply reply{.member_id = member.id,
                  .generation = group_.generation,
                  .protocol_type = group_.protocol_type,
                  .protocol = group_.protocol,
                  .leader = group_.leader};
  if (with_members) reply.members = joined_members();
  answer_join(member, std::move(reply));
}

void Stepper::complete_join() {
  group_.in_initial_delay = false;
  group_.rebalance_at = kFarFuture;
  std::vector<std::string> absent;
  for (const auto& [id, member] : group_.members) {
    if (member.join == kNoToken && !member.instance_id) absent.push_back(id);
  }
  for (const std::string& id : absent) remove(id);
  if (!group_.members.empty() && !elect_leader()) {
    // Only static members are left and none of them has come back: they have their sessions to do so.
    group_.rebalance_at = after(now_.mono, rebalance_timeout_ms());
    wake_by(group_.rebalance_at);
    return;
  }
  ++group_.generation;
  group_.write.reset();
  group_.awaited_syncs.clear();
  if (group_.members.empty()) {
    group_.protocol.reset();
    group_.leader.clear();
    enter(Phase::kEmpty);
    actions_.appends.push_back({0, to_record(group_)});
    return;
  }
  group_.protocol = vote();
  WEIR_ASSERT(!group_.protocol->empty());
  enter(Phase::kCompletingRebalance);
  for (auto& [id, member] : group_.members) {
    member.is_new = false;
    group_.awaited_syncs.insert(id);
    if (member.join == kNoToken) continue;  // an absent static member keeps the deadline it has
    answer_current(member, id == group_.leader);
    touch(member);
  }
  WEIR_ASSERT(group_.parked_joins == 0, group_.parked_joins);
  group_.sync_by = after(now_.mono, rebalance_timeout_ms());
  wake_by(group_.sync_by);
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
  if (is_in(Phase::kEmpty)) return refuse_sync(ErrorCode::kUnknownMemberId);
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

}  // namespace

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
  if (group.phase == Phase::kEmpty) return ErrorCode::kUnknownMemberId;
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
