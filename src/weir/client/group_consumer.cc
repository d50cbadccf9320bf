// The half that runs in poll and close: records, rebalance callbacks, commits.
#include "weir/client/group_consumer.h"

#include <algorithm>

#include <fmt/format.h>

namespace weir::client {

using group::Duty;

namespace {

group::MemberOptions member_options(const Cluster& cluster, const GroupOptions& options) {
  group::MemberOptions made;
  made.is_static = options.instance_id.has_value();
  made.is_cooperative = std::ranges::all_of(options.assignors, [](const std::string& name) {
    const group::Assignor* assignor = group::find_assignor(name);
    return assignor != nullptr && assignor->is_cooperative;
  });
  made.heartbeat_interval = options.heartbeat_interval;
  made.retry_backoff = cluster.options().retry_backoff;
  return made;
}

ConsumerOptions consumer_options(const GroupOptions& options) {
  ConsumerOptions made = options.consumer;
  made.reset = options.reset;
  return made;
}

std::vector<PartitionKey> list_of(const PartitionSet& partitions) { return {partitions.begin(), partitions.end()}; }

}  // namespace

Result<void> GroupConsumer::check(const GroupOptions& options) {
  if (options.group.empty()) return fail(ErrorCode::kInvalidArgument, "a group has a name");
  if (options.topics.empty()) return fail(ErrorCode::kInvalidArgument, "a member of a group subscribes to at least one topic");
  if (options.assignors.empty()) return fail(ErrorCode::kInvalidArgument, "at least one assignor is needed");
  for (const std::string& name : options.assignors) {
    if (group::find_assignor(name) != nullptr) continue;
    return fail(ErrorCode::kInvalidArgument, fmt::format("assignor \"{}\" is none of range, roundrobin, cooperative-sticky", name));
  }
  if (options.heartbeat_interval >= options.session_timeout) {
    return fail(ErrorCode::kInvalidArgument, "the heartbeat interval must be shorter than the session timeout, a third of it is usual");
  }
  return {};
}

GroupConsumer::GroupConsumer(Cluster& cluster, GroupOptions options, RebalanceListener* listener)
    : cluster_(cluster),
      env_(cluster.environment()),
      options_(std::move(options)),
      listener_(listener),
      member_(member_options(cluster, options_)),
      consumer_(cluster, consumer_options(options_)),
      lane_(cluster.own_lane()),
      busy_since_(env_.executor.now()),
      next_commit_(env_.executor.now() + options_.commit_interval),
      tasks_(env_.executor) {
  WEIR_ASSERT(check(options_).has_value());
  tasks_.spawn(&duty_loop, this);
  tasks_.spawn(&heartbeat_loop, this);
  tasks_.spawn(&watch_loop, this);
}

GroupConsumer::~GroupConsumer() = default;

bool GroupConsumer::is_callback(Duty duty) { return duty == Duty::kRevoke || duty == Duty::kLose || duty == Duty::kTakeUp; }

void GroupConsumer::changed() {
  news_.notify_all();
  if (in_poll_ && (is_callback(member_.duty()) || member_.failure())) consumer_.interrupt();
}

Task<Result<std::optional<ConsumedBatch>>> GroupConsumer::poll(Patience patience) {
  struct InPoll {
    explicit InPoll(GroupConsumer& self) : self(self) {
      WEIR_ASSERT(!self.in_poll_, "one poll at a time");
      self.in_poll_ = true;
      self.busy_since_.reset();
    }
    ~InPoll() {
      self.in_poll_ = false;
      self.busy_since_ = self.env_.executor.now();
    }
    GroupConsumer& self;
  };
  const InPoll here(*this);
  if (member_.is_stalled()) {
    member_.polled();
    changed();
  }
  for (;;) {
    if (is_callback(member_.duty())) {
      co_await run_callback();
      continue;
    }
    if (member_.failure()) co_return fail(*member_.failure());
    if (!errors_.empty()) {
      Error error = std::move(errors_.front());
      errors_.pop_front();
      co_return fail(std::move(error));
    }
    commit_when_due();
    const MonoTime until = options_.commits_by_itself ? std::min(patience.deadline.when, next_commit_) : patience.deadline.when;
    auto batch = co_await consumer_.poll({Deadline::at(until), patience.stop});
    if (!batch || *batch) co_return batch;
    const bool goes_on = is_callback(member_.duty()) || member_.failure() || env_.executor.now() < patience.deadline.when;
    if (!goes_on) co_return batch;
  }
}

Task<void> GroupConsumer::run_callback() {
  busy_since_ = env_.executor.now();  // what the listener does is the application's work
  switch (member_.duty()) {
    case Duty::kRevoke: co_await revoke(); break;
    case Duty::kLose: co_await lose(); break;
    case Duty::kTakeUp: co_await take_up(); break;
    default: break;
  }
  if (in_poll_) busy_since_.reset();
  changed();
}

Task<void> GroupConsumer::revoke() {
  const PartitionSet going = member_.revoking();
  if (options_.commits_by_itself) {
    const Result<void> stored = co_await commit({Deadline::at(env_.executor.now() + kLastCommitTimeout), {}});
    if (!stored) env_.log.warning("group {}: not committed before a rebalance: {}", options_.group, stored.error().describe());
  }
  if (listener_ != nullptr) co_await listener_->revoked(list_of(going));
  for (const PartitionKey& key : going) {
    consumer_.unassign(key.topic, key.index);
    committed_.erase(key);
  }
  member_.revoked(going);
}

Task<void> GroupConsumer::lose() {
  const PartitionSet gone = member_.owned();
  for (const PartitionKey& key : gone) {
    consumer_.unassign(key.topic, key.index);
    committed_.erase(key);
  }
  if (listener_ != nullptr) co_await listener_->lost(list_of(gone));
  member_.lost(gone);
}

Task<void> GroupConsumer::take_up() {
  const PartitionSet arrived = member_.begin_take_up();
  std::vector<Assigned> told;
  for (const PartitionKey& key : arrived) {
    cluster_.forget(key.topic);  // it may have partitions that we have not heard of
    const auto found = arriving_.find(key);
    Assigned& one = told.emplace_back();
    one.partition = key;
    if (found != arriving_.end()) {
      one.committed = found->second;
      committed_[key] = found->second;
      consumer_.assign(key.topic, key.index, {Start::Kind::kOffset, found->second.offset.value(), found->second.leader_epoch});
    } else if (options_.reset) {
      consumer_.assign(key.topic, key.index, {*options_.reset, 0});
    } else {
      errors_.emplace_back(ErrorCode::kNotFound, fmt::format("group \"{}\" has no position in {}-{}, and no reset says where to begin",
                                                             options_.group, key.topic, key.index));
    }
  }
  arriving_.clear();
  if (listener_ != nullptr) co_await listener_->assigned(std::move(told));
}

void GroupConsumer::seek(const PartitionKey& partition, Start start) {
  WEIR_ASSERT(member_.owned().contains(partition), partition.index);
  consumer_.assign(partition.topic, partition.index, start);
}

CommittedOffsets GroupConsumer::positions() const {
  CommittedOffsets positions;
  for (const PartitionKey& key : member_.owned()) {
    const std::optional<Offset> position = consumer_.position(key.topic, key.index);
    if (position) positions[key] = {*position, consumer_.position_epoch(key.topic, key.index), ""};
  }
  return positions;
}

Committer GroupConsumer::committer() const {
  return {options_.group, member_.identity().member_id, member_.identity().generation, options_.instance_id};
}

CommittedOffsets GroupConsumer::uncommitted() const {
  CommittedOffsets offsets = positions();
  const PartitionSet ours = member_.committable();
  std::erase_if(offsets, [&](const auto& one) {
    if (!ours.contains(one.first)) return true;
    const auto before = committed_.find(one.first);
    return before != committed_.end() && before->second.offset == one.second.offset;
  });
  return offsets;
}

Task<Result<void>> GroupConsumer::commit(Patience patience) { co_return co_await commit(uncommitted(), patience); }

Task<Result<void>> GroupConsumer::commit(CommittedOffsets offsets, Patience patience) {
  if (offsets.empty()) co_return Result<void>();
  const group::Identity mine = member_.identity();
  // Without a generation it would be a commit from outside, which a group without members takes from anybody.
  if (mine.generation < 0 || member_.has_lost()) {
    co_return fail(ErrorCode::kIllegalGeneration, "the member was out of the group, and its partitions are lost");
  }
  // In the name of the generation in which the positions were taken, however long it takes to find the coordinator.
  const Committer who = committer();
  const uint64_t number = ++commits_begun_;
  for (int attempt = 0;; ++attempt) {
    // The one beside the application: sent again, its positions would put back those of a commit that came after it.
    if (attempt > 0 && number != commits_begun_) co_return fail(ErrorCode::kCancelled, "a later commit took its place");
    if (member_.identity() != mine) co_return fail(ErrorCode::kIllegalGeneration, "the partitions changed hands meanwhile");
    const PartitionSet ours = member_.committable();
    if (!std::ranges::all_of(offsets, [&](const auto& one) { return ours.contains(one.first); })) {
      co_return fail(ErrorCode::kRebalanceInProgress, "partitions are changing hands");
    }
    const Patience once = cluster_.one_attempt(patience);
    if (!coordinator_) co_await find(once);
    Result<void> stored = fail(ErrorCode::kUnavailable);
    const auto connection = co_await coordinator_on(rpc::Lane::kQuick, once);
    if (connection) stored = co_await commit_offsets(*connection, who, offsets, once);
    else stored = fail(connection.error());
    if (stored) {
      for (const auto& [key, committed] : offsets) {
        if (member_.owned().contains(key)) committed_[key] = committed;
      }
      co_return stored;
    }
    const ErrorCode code = stored.error().code();
    if (code == ErrorCode::kCancelled || (code == ErrorCode::kDeadlineExceeded && env_.executor.now() >= patience.deadline.when)) co_return stored;
    member_.told(mine, code, env_.executor.now());
    if (is_coordinator_trouble(code) && code != ErrorCode::kCoordinatorLoadInProgress) coordinator_.reset();
    changed();
    if (!is_coordinator_trouble(code) && code != ErrorCode::kUnstableOffsetCommit) co_return stored;
    WEIR_CO_CHECK(co_await cluster_.back_off(attempt, stored.error(), patience));
  }
}

void GroupConsumer::commit_when_due() {
  if (!options_.commits_by_itself || committing_ || env_.executor.now() < next_commit_) return;
  next_commit_ = env_.executor.now() + options_.commit_interval;
  CommittedOffsets offsets = uncommitted();
  if (offsets.empty() || member_.identity().generation < 0) return;
  committing_ = true;
  tasks_.spawn(&commit_beside, this, std::move(offsets));
}

Task<void> GroupConsumer::commit_beside(GroupConsumer* self, CommittedOffsets offsets) {
  const Deadline deadline = Deadline::at(self->env_.executor.now() + kLastCommitTimeout);
  const Result<void> stored = co_await self->commit(std::move(offsets), {deadline, self->stop_.token()});
  if (!stored) self->env_.log.info("group {}: not committed: {}", self->options_.group, stored.error().describe());
  self->committing_ = false;
}

Task<Result<void>> GroupConsumer::close(Patience patience) {
  WEIR_ASSERT(!in_poll_, "close while a poll waits");
  busy_since_.reset();
  member_.close();
  join_stop_.request_stop();
  changed();
  Result<void> told;
  while (told && member_.duty() != Duty::kEnded) {
    if (is_callback(member_.duty())) {
      co_await run_callback();
      continue;
    }
    const Result<void> woken = co_await news_.wait(env_.executor, patience.deadline, patience.stop);
    if (!woken) told = fail(woken.error().code(), fmt::format("group \"{}\" was not told that the member left", options_.group));
  }
  stop_.request_stop();
  join_stop_.request_stop();
  (void)co_await tasks_.join();
  co_await consumer_.close();
  cluster_.give_back(lane_);
  co_return told;
}

}  // namespace weir::client
