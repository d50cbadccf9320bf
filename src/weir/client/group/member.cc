#include "weir/client/group/member.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/client/reaction.h"

namespace weir::client::group {

namespace {

PartitionSet difference(const PartitionSet& from, const PartitionSet& without) {
  PartitionSet rest;
  std::ranges::set_difference(from, without, std::inserter(rest, rest.end()));
  return rest;
}

}  // namespace

std::string_view name_of(Duty duty) {
  switch (duty) {
    case Duty::kRest: return "rest";
    case Duty::kFindCoordinator: return "find the coordinator";
    case Duty::kJoin: return "join";
    case Duty::kSync: return "sync";
    case Duty::kLookUp: return "look up positions";
    case Duty::kLeave: return "leave";
    case Duty::kRevoke: return "revoke";
    case Duty::kLose: return "lose";
    case Duty::kTakeUp: return "take up";
    case Duty::kEnded: return "ended";
  }
  return "?";
}

Duty Member::duty() const {
  const auto ask = [&](Duty wanted) { return coordinator_known_ ? wanted : Duty::kFindCoordinator; };
  if (lost_ && !owned_.empty()) return Duty::kLose;
  if (failure_ && leave_ && coordinator_known_) return Duty::kLeave;
  if (failure_) return closing_ ? Duty::kEnded : Duty::kRest;
  if (closing_ && !owned_.empty()) return Duty::kRevoke;
  if (leave_ || (closing_ && !options_.is_static && !identity_.member_id.empty())) return ask(Duty::kLeave);
  if (closing_) return Duty::kEnded;
  if (stalled_) return Duty::kRest;
  if (phase_ == Phase::kOutside) return ask(Duty::kJoin);
  if (phase_ == Phase::kSyncing) return ask(Duty::kSync);
  if (!revoking().empty()) return Duty::kRevoke;
  if (rejoin_) return ask(Duty::kJoin);
  if (!arriving().empty()) return looked_up_ ? Duty::kTakeUp : ask(Duty::kLookUp);
  return ask(Duty::kRest);
}

PartitionSet Member::revoking() const {
  if (closing_ || (rejoin_ && !options_.is_cooperative)) return owned_;
  return phase_ == Phase::kInside ? difference(owned_, target_) : PartitionSet();
}

PartitionSet Member::arriving() const { return phase_ == Phase::kInside ? difference(target_, owned_) : PartitionSet(); }

PartitionSet Member::committable() const {
  if (synced_generation_ != identity_.generation) return {};
  return options_.is_static ? difference(owned_, difference(owned_, target_)) : owned_;
}

MonoTime Member::heartbeat_due() const {
  if (phase_ != Phase::kInside || !coordinator_known_ || failure_) return kFarFuture;
  return std::max(last_heartbeat_ + options_.heartbeat_interval, not_before_);
}

void Member::retry_later(MonoTime now) {
  not_before_ = now + options_.retry_backoff.after(++failures_);
}

void Member::coordinator_lost(MonoTime now) {
  coordinator_known_ = false;
  if (phase_ == Phase::kSyncing) phase_ = Phase::kOutside;
  retry_later(now);
}

void Member::begin_join() {
  WEIR_ASSERT(options_.is_cooperative || owned_.empty(), owned_.size());
  WEIR_ASSERT(!failure_ && !closing_);
  if (rejoin_) joining_for_ = std::move(*rejoin_);
  rejoin_.reset();
  phase_ = Phase::kOutside;
}

void Member::lose_membership(bool forgets_id) {
  identity_.generation = -1;
  if (forgets_id) identity_.member_id.clear();
  phase_ = Phase::kOutside;
  target_.clear();
  looked_up_ = false;
  rejoin_.reset();
  lost_ = !owned_.empty();
}

bool Member::take_common(ErrorCode code, MonoTime now) {
  if (is_transport_failure(code)) {
    coordinator_lost(now);
    return true;
  }
  switch (code) {
    case ErrorCode::kCoordinatorNotAvailable:
    case ErrorCode::kNotCoordinator: coordinator_lost(now); return true;
    case ErrorCode::kCoordinatorLoadInProgress:
    case ErrorCode::kNetworkException:
    case ErrorCode::kRequestTimedOut: retry_later(now); return true;
    case ErrorCode::kUnknownMemberId:
      joining_for_ = "the coordinator does not know the member any more";
      lose_membership(true);
      return true;
    case ErrorCode::kIllegalGeneration:
      joining_for_ = "the member's generation is over";
      lose_membership(false);
      return true;
    case ErrorCode::kCancelled: return true;
    default: return false;
  }
}

void Member::fail_for_good(Error error) {
  if (failure_) return;
  // One who was fenced leaves its place to the other.
  if (!options_.is_static && !identity_.member_id.empty()) leave_ = identity_.member_id;
  failure_ = std::move(error);
  lose_membership(false);
}

void Member::joined(ErrorCode code, std::string_view message, std::string member_id, int32_t generation, MonoTime now) {
  if (phase_ != Phase::kOutside || failure_) return;
  if (code == ErrorCode::kNone) {
    if (closing_ || stalled_) {  // it came too late: out again
      if (!options_.is_static) leave_ = std::move(member_id);
      return;
    }
    // A generation that passed without it may have given its partitions to others, who may have gone further in them.
    const bool missed_one = generation < identity_.generation || generation > identity_.generation + 1;
    if (missed_one) lost_ = !owned_.empty();
    identity_ = {std::move(member_id), generation};
    phase_ = Phase::kSyncing;
    failures_ = 0;
    return;
  }
  if (code == ErrorCode::kMemberIdRequired) {
    identity_.member_id = std::move(member_id);
    return;
  }
  if (code == ErrorCode::kUnknownMemberId) retry_later(now);
  if (take_common(code, now)) return;
  if (code == ErrorCode::kRebalanceInProgress) return retry_later(now);
  fail_for_good(Error(code, std::string(message)));
}

void Member::synced(ErrorCode code, std::string_view message, PartitionSet assignment, MonoTime now) {
  if (phase_ != Phase::kSyncing || failure_) return;
  if (code == ErrorCode::kNone) {
    phase_ = Phase::kInside;
    target_ = std::move(assignment);
    synced_generation_ = identity_.generation;
    looked_up_ = false;
    last_heartbeat_ = now;
    failures_ = 0;
    not_before_ = now;
    return;
  }
  if (code == ErrorCode::kRebalanceInProgress) {
    joining_for_ = "the group began another rebalance";
    phase_ = Phase::kOutside;
    return;
  }
  if (take_common(code, now)) {
    phase_ = Phase::kOutside;
    return;
  }
  fail_for_good(Error(code, std::string(message)));
}

void Member::told(const Identity& at, ErrorCode code, MonoTime now) {
  if (at != identity_ || phase_ != Phase::kInside || failure_) return;
  if (code == ErrorCode::kNone) {
    failures_ = 0;
  } else if (code == ErrorCode::kRebalanceInProgress) {
    request_rejoin("the group is rebalancing");
  } else if (code == ErrorCode::kFencedInstanceId) {
    fail_for_good(Error(code, "another member took over the group instance id"));
  } else if (code == ErrorCode::kGroupAuthorizationFailed) {
    fail_for_good(Error(code));
  } else {
    (void)take_common(code, now);
  }
}

void Member::looked_up(bool successful, MonoTime now) {
  if (successful) looked_up_ = true;
  else retry_later(now);
}

void Member::left() {
  leave_.reset();
  if (closing_) identity_ = {};
}

void Member::request_rejoin(std::string reason) {
  if (phase_ == Phase::kInside && !rejoin_) rejoin_ = std::move(reason);
}

PartitionSet Member::begin_take_up() {
  WEIR_ASSERT(duty() == Duty::kTakeUp);
  PartitionSet arrived = arriving();
  owned_.insert(arrived.begin(), arrived.end());
  looked_up_ = false;  // what was found is used up
  return arrived;
}

void Member::revoked(const PartitionSet& partitions) {
  for (const PartitionKey& key : partitions) owned_.erase(key);
  lost_ = lost_ && !owned_.empty();  // the membership may have ended while they were being given back
  // What was let go can be given to others only in another rebalance.
  if (options_.is_cooperative && !partitions.empty()) request_rejoin("partitions were released");
}

void Member::lost(const PartitionSet& partitions) {
  for (const PartitionKey& key : partitions) owned_.erase(key);
  lost_ = lost_ && !owned_.empty();
}

void Member::stalled() {
  if (stalled_ || closing_ || failure_) return;
  stalled_ = true;
  if (!options_.is_static && !identity_.member_id.empty()) leave_ = identity_.member_id;
  joining_for_ = "the application did not poll in time";
  lose_membership(!options_.is_static);
}

}  // namespace weir::client::group
