// The half that runs beside the application: finding the coordinator, joining, sharing out, heartbeats.
#include <algorithm>

#include <fmt/format.h>

#include "weir/client/group_consumer.h"
#include "weir/protocol/heartbeat.h"
#include "weir/protocol/join_group.h"
#include "weir/protocol/leave_group.h"
#include "weir/protocol/sync_group.h"

namespace weir::client {

using group::Duty;

namespace {

constexpr std::string_view kProtocolType = "consumer";
constexpr int16_t kManyLeaversVersion = 3;       // of LeaveGroup
constexpr Duration kJoinGrace = 5s;              // the coordinator answers at the end of the rebalance timeout
constexpr Duration kWatchIntervalMin = 100ms;

int32_t milliseconds(Duration duration) { return static_cast<int32_t>(std::min<int64_t>(duration / 1ms, INT32_MAX)); }

std::string sentence(const std::string& group, ErrorCode code) {
  switch (code) {
    case ErrorCode::kInconsistentGroupProtocol:
      return fmt::format("group \"{}\" has members that share out partitions by none of our assignors", group);
    case ErrorCode::kInvalidSessionTimeout:
      return fmt::format("the coordinator of group \"{}\" does not allow that session timeout: see its group.min.session.timeout.ms and "
                         "group.max.session.timeout.ms", group);
    case ErrorCode::kGroupMaxSizeReached: return fmt::format("group \"{}\" is full: see group.max.size of its coordinator", group);
    case ErrorCode::kFencedInstanceId: return fmt::format("another member of group \"{}\" took over the group instance id", group);
    default: return fmt::format("group \"{}\": {}", group, name_of(code));
  }
}

}  // namespace

Task<void> GroupConsumer::duty_loop(GroupConsumer* self) {
  const runtime::StopToken stop = self->stop_.token();
  while (!stop.stop_requested()) {
    const Duty duty = self->member_.duty();
    if (duty == Duty::kEnded) break;
    const bool waits = duty == Duty::kRest || is_callback(duty);
    if (waits || self->member_.not_before() > self->env_.executor.now()) {
      const MonoTime until = waits ? kFarFuture : self->member_.not_before();
      (void)co_await self->news_.wait(self->env_.executor, Deadline::at(until), stop);
      continue;
    }
    co_await self->do_duty(duty);
    self->changed();
  }
  self->changed();
}

Task<void> GroupConsumer::do_duty(Duty duty) {
  switch (duty) {
    case Duty::kFindCoordinator: co_await find(cluster_.one_attempt({Deadline::never(), stop_.token()})); break;
    case Duty::kJoin: co_await join(); break;
    case Duty::kSync: co_await sync(); break;
    case Duty::kLookUp: co_await look_up(); break;
    case Duty::kLeave: co_await leave(); break;
    default: break;
  }
}

Task<Result<ConnectionPtr>> GroupConsumer::coordinator_on(rpc::Lane lane, Patience patience) {
  if (!coordinator_) co_return fail(ErrorCode::kCoordinatorNotAvailable);
  co_return co_await cluster_.connection(*coordinator_, lane, patience);
}

template <protocol::WireMessage Request>
Task<Result<typename Request::Response>> GroupConsumer::ask(Request request, Patience patience) {
  WEIR_CO_TRY(const ConnectionPtr connection, co_await coordinator_on(lane_, patience));
  auto answer = co_await connection->call(std::move(request), patience);
  // The coordinator would answer nothing else on it before it has answered this.
  if (!answer && answer.error().code() == ErrorCode::kCancelled) connection->close();
  co_return answer;
}

Task<void> GroupConsumer::find(Patience patience) {
  const auto found = co_await find_coordinator(cluster_, options_.group, patience);
  if (found) {
    coordinator_ = *found;
    member_.coordinator_found();
  } else if (is_coordinator_trouble(found.error().code())) {
    member_.coordinator_lost(env_.executor.now());
  } else if (found.error().code() != ErrorCode::kCancelled) {
    member_.fail_for_good(found.error());
  }
}

Task<void> GroupConsumer::join() {
  join_stop_ = runtime::StopSource();
  const runtime::StopToken stop = join_stop_.token();
  member_.begin_join();
  protocol::JoinGroupRequest request;
  request.group_id = options_.group;
  request.session_timeout_ms = milliseconds(options_.session_timeout);
  request.rebalance_timeout_ms = milliseconds(options_.max_poll_interval);
  request.member_id = member_.identity().member_id;
  request.group_instance_id = options_.instance_id;
  request.protocol_type = kProtocolType;
  if (!member_.reason().empty()) request.reason = member_.reason();
  const group::Subscription mine{options_.topics, member_.owned(), member_.identity().generation};
  for (const std::string& name : options_.assignors) {
    const auto metadata = group::encode_subscription(mine);
    if (!metadata) co_return member_.fail_for_good(metadata.error());
    request.protocols.push_back({name, *metadata});
  }
  const auto answer = co_await ask(std::move(request), {Deadline::at(env_.executor.now() + options_.max_poll_interval + kJoinGrace), stop});
  const MonoTime now = env_.executor.now();
  if (!answer) {
    if (is_coordinator_trouble(answer.error().code())) coordinator_.reset();
    co_return member_.joined(answer.error().code(), answer.error().message(), "", -1, now);
  }
  if (answer->error_code == ErrorCode::kNone) {
    protocol_ = answer->protocol_name.value_or("");
    is_leader_ = answer->leader == answer->member_id;
    skips_assignment_ = answer->skip_assignment;
    candidates_.clear();
    for (auto& member : answer->members) {
      const auto subscription = group::decode_subscription(member.metadata);
      if (!subscription) {
        co_return member_.fail_for_good(subscription.error().within(fmt::format("member {} of group {}", member.member_id, options_.group)));
      }
      candidates_.push_back({member.member_id, member.group_instance_id, *subscription});
    }
  }
  member_.joined(answer->error_code, sentence(options_.group, answer->error_code), answer->member_id, answer->generation_id, now);
}

// The leader's work. Errors: kCancelled, kDeadlineExceeded, and what the cluster refuses.
Task<Result<std::map<std::string, SharedBytes>>> GroupConsumer::share_out(Patience patience) {
  std::map<std::string, SharedBytes> shares;
  std::set<std::string> wanted;
  for (const group::Candidate& one : candidates_) wanted.insert(one.subscription.topics.begin(), one.subscription.topics.end());
  WEIR_CO_TRY(const auto topics, co_await cluster_.refresh({wanted.begin(), wanted.end()}, patience));
  shared_out_.clear();
  for (const std::string& name : wanted) shared_out_[name] = 0;  // until they exist
  for (const TopicPtr& topic : topics) shared_out_[topic->name] = static_cast<int32_t>(topic->partitions.size());
  const group::Assignor* assignor = group::find_assignor(protocol_);
  if (assignor == nullptr) co_return fail(ErrorCode::kInconsistentGroupProtocol, fmt::format("the coordinator chose assignor \"{}\"", protocol_));
  group::PartitionCounts existing = shared_out_;
  std::erase_if(existing, [](const auto& one) { return one.second == 0; });
  for (const auto& [member, partitions] : assignor->assign(candidates_, existing)) {
    WEIR_CO_TRY(shares[member], group::encode_assignment(partitions));
  }
  co_return shares;
}

Task<void> GroupConsumer::sync() {
  protocol::SyncGroupRequest request;
  request.group_id = options_.group;
  request.generation_id = member_.identity().generation;
  request.member_id = member_.identity().member_id;
  request.group_instance_id = options_.instance_id;
  request.protocol_type = std::string(kProtocolType);
  request.protocol_name = protocol_;
  const Patience patience{Deadline::at(env_.executor.now() + options_.max_poll_interval + kJoinGrace), join_stop_.token()};
  if (is_leader_ && !skips_assignment_) {
    const auto shares = co_await share_out(cluster_.one_attempt(patience));
    if (!shares) {
      if (shares.error().code() == ErrorCode::kInconsistentGroupProtocol) co_return member_.fail_for_good(shares.error());
      env_.log.info("group {}: partitions could not be shared out: {}", options_.group, shares.error().describe());
      co_return member_.synced(ErrorCode::kNetworkException, "", {}, env_.executor.now());
    }
    for (const auto& [member, share] : *shares) request.assignments.push_back({member, share});
  }
  const auto answer = co_await ask(std::move(request), patience);
  const MonoTime now = env_.executor.now();
  const ErrorCode code = answer ? answer->error_code : answer.error().code();
  if (is_coordinator_trouble(code)) coordinator_.reset();
  if (code != ErrorCode::kNone) co_return member_.synced(code, sentence(options_.group, code), {}, now);
  auto partitions = group::decode_assignment(answer->assignment);
  if (!partitions) co_return member_.fail_for_good(partitions.error().within(fmt::format("the assignment of group {}", options_.group)));
  member_.synced(ErrorCode::kNone, "", std::move(*partitions), now);
}

Task<void> GroupConsumer::look_up() {
  const Patience patience = cluster_.one_attempt({Deadline::never(), stop_.token()});
  const PartitionSet wanted = member_.arriving();
  const group::Identity mine = member_.identity();
  Result<CommittedOffsets> found = fail(ErrorCode::kUnavailable);
  const auto connection = co_await coordinator_on(rpc::Lane::kQuick, patience);
  if (connection) found = co_await fetch_offsets(*connection, options_.group, wanted, true, patience);
  else found = fail(connection.error());
  const MonoTime now = env_.executor.now();
  if (found) {
    // What was shared out anew meanwhile is looked up again, also when the same partitions came: others had them in between.
    const bool still_ours = mine == member_.identity() && wanted == member_.arriving();
    if (still_ours) arriving_ = std::move(*found);
    co_return member_.looked_up(still_ours, now);
  }
  const ErrorCode code = found.error().code();
  if (code == ErrorCode::kCancelled) co_return;
  if (is_coordinator_trouble(code) && code != ErrorCode::kCoordinatorLoadInProgress) {
    coordinator_.reset();
    co_return member_.coordinator_lost(now);
  }
  if (is_coordinator_trouble(code) || code == ErrorCode::kUnstableOffsetCommit || is_retriable(code)) co_return member_.looked_up(false, now);
  member_.fail_for_good(found.error());
}

Task<void> GroupConsumer::leave() {
  const Patience patience = cluster_.one_attempt({Deadline::never(), stop_.token()});
  Result<protocol::LeaveGroupResponse> answer = fail(ErrorCode::kUnavailable);
  const auto connection = co_await coordinator_on(lane_, patience);
  if (connection) {
    const auto version = (*connection)->version_of(protocol::ApiKey::kLeaveGroup);
    protocol::LeaveGroupRequest request;
    request.group_id = options_.group;
    if (version && *version >= kManyLeaversVersion) {
      auto& member = request.members.emplace_back();
      member.member_id = member_.leaving_id();
      member.reason = member_.is_closing() ? "the consumer closed" : "the application did not poll in time";
    } else {
      request.member_id = member_.leaving_id();
    }
    answer = co_await (*connection)->call(std::move(request), patience);
  } else {
    answer = fail(connection.error());
  }
  const ErrorCode code = answer ? answer->error_code : answer.error().code();
  if (!is_coordinator_trouble(code)) co_return member_.left();  // done, or it was unknown there
  coordinator_.reset();
  member_.coordinator_lost(env_.executor.now());
}

MonoTime GroupConsumer::stalls_at() const {
  const bool counts = busy_since_ && !member_.is_stalled() && !member_.is_closing();
  return counts ? *busy_since_ + options_.max_poll_interval : kFarFuture;
}

Task<void> GroupConsumer::heartbeat_loop(GroupConsumer* self) {
  const runtime::StopToken stop = self->stop_.token();
  while (!stop.stop_requested()) {
    const MonoTime until = std::min(self->member_.heartbeat_due(), self->stalls_at());
    const MonoTime now = self->env_.executor.now();
    if (until > now) {  // the application's going out of poll wakes nobody
      const MonoTime look_again = std::min(until, now + self->options_.heartbeat_interval);
      (void)co_await self->news_.wait(self->env_.executor, Deadline::at(look_again), stop);
      continue;
    }
    if (self->stalls_at() <= now) {
      self->env_.log.warning("group {}: no poll for {} s: the member leaves until the next one", self->options_.group,
                             self->options_.max_poll_interval / 1s);
      self->member_.stalled();
      self->join_stop_.request_stop();
    } else {
      co_await self->heartbeat();
    }
    self->changed();
  }
}

Task<void> GroupConsumer::heartbeat() {
  const group::Identity mine = member_.identity();
  Patience patience = cluster_.one_attempt({Deadline::never(), stop_.token()});
  patience.deadline.when = std::min(patience.deadline.when, env_.executor.now() + options_.session_timeout);
  member_.heartbeat_sent(env_.executor.now());
  protocol::HeartbeatRequest request;
  request.group_id = options_.group;
  request.generation_id = mine.generation;
  request.member_id = mine.member_id;
  request.group_instance_id = options_.instance_id;
  const auto answer = co_await ask(std::move(request), patience);
  const ErrorCode code = answer ? answer->error_code : answer.error().code();
  if (is_coordinator_trouble(code) && code != ErrorCode::kCoordinatorLoadInProgress) coordinator_.reset();
  member_.told(mine, code, env_.executor.now());
}

// Partitions that come or go after they were shared out: the leader asks for another rebalance.
Task<void> GroupConsumer::watch_loop(GroupConsumer* self) {
  const runtime::StopToken stop = self->stop_.token();
  const Duration interval = std::max(self->cluster_.options().metadata_age_max, kWatchIntervalMin);
  while (!stop.stop_requested()) {
    (void)co_await sleep_until(self->env_.executor, self->env_.executor.now() + interval, stop);
    if (stop.stop_requested() || !self->is_leader_ || !self->member_.is_stable()) continue;
    std::vector<std::string> names;
    for (const auto& [name, count] : self->shared_out_) names.push_back(name);
    const group::Identity mine = self->member_.identity();
    const auto topics = co_await self->cluster_.refresh(std::move(names), self->cluster_.one_attempt({Deadline::never(), stop}));
    if (!topics || self->member_.identity() != mine) continue;
    group::PartitionCounts now;
    for (const auto& [name, count] : self->shared_out_) now[name] = 0;
    for (const TopicPtr& topic : *topics) now[topic->name] = static_cast<int32_t>(topic->partitions.size());
    if (now == self->shared_out_) continue;
    self->member_.request_rejoin("partitions came or went");
    self->changed();
  }
}

}  // namespace weir::client
