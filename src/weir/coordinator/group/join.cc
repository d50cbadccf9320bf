// How members come, and how a round of joins begins and ends.
#include "weir/coordinator/group/stepper.h"

namespace weir::coordinator::group {

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
    if (group_.pending_members.size() >= kPendingMembersMax) return refuse(event.token, ErrorCode::kCoordinatorNotAvailable);
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
  const bool is_leader = group_.leader == member.id;
  update(member, event);
  touch(member);
  answer_current(member, is_in(Phase::kCompletingRebalance) && is_leader);
}

// A static member that comes back takes its old place under a new id. Where that changes nothing for the others there is no
// rebalance, only a record.
void Stepper::join_as_static(const Join& event, const std::string& former_id) {
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
    group_.rebalance_at = after(now_.mono, std::max<int64_t>(rebalance_timeout_ms(), kLeaderlessRoundMs));
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

}  // namespace weir::coordinator::group
